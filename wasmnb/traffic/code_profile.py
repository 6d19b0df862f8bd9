"""Which code a filter's own traffic executes: recorded by sending it again to a proxy like the one that had it."""

from __future__ import annotations

from dataclasses import replace

from ..compiler import Filter
from ..compiler.release.profile.block_profile import BlockProfile
from ..compiler.release.profile.recorded_filter import RecordedFilter
from ..errors import UsageError
from ..host import Exchange, Proxy

__all__ = ["record_code_profile"]


def record_code_profile(proxy: Proxy) -> BlockProfile:
    """Record which code a simulated proxy's requests execute, for `Filter.release(profile=...)`.

    Parameters
    ----------
    proxy
        A proxy that has had traffic. Its requests are sent again, in their order, to another one like it.

    Raises
    ------
    UsageError
        It has had no requests, or no filter of it was made from Python source.
    """
    requests = [x.request for x in proxy.exchanges if isinstance(x, Exchange)]
    if not requests:
        raise UsageError(f"The proxy {proxy.name} has had no requests; send some first.")
    plugins, recorded = [], []
    for plugin in proxy.plugins:
        made = plugin.filter
        backend = made.recorded() if isinstance(made, Filter) else None
        if backend is None or not isinstance(made, Filter):
            plugins.append(plugin)
            continue
        recorded.append(backend)
        plugins.append(replace(plugin, filter=Filter(made.name, made.filename, backend)))
    if not recorded:
        raise UsageError(
            f"No filter of the proxy {proxy.name} was made from Python source, so that there is no code to profile."
        )
    with proxy.clone(plugins) as copy:
        for request in requests:
            copy.send(request)
        return _merged(recorded)


def _merged(recorded: list[RecordedFilter]) -> BlockProfile:
    profile = BlockProfile()
    for backend in recorded:
        profile.add(backend.profile())
    return profile

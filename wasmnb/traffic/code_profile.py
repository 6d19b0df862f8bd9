"""Record the code that filters run for the requests of a proxy or a recording, for profile-guided release modules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from os import PathLike

from ..compiler import Filter
from ..compiler.release.profile.block_profile import BlockProfile
from ..compiler.release.profile.recorded_filter import RecordedFilter
from ..errors import UsageError
from ..host import Exchange, Plugin, Proxy
from ..messages import Request
from .recorded.traffic import read_traffic

__all__ = ["profile_of_recording", "record_code_profile"]


def record_code_profile(proxy: Proxy, requests: Iterable[Request] | None = None) -> BlockProfile:
    """Record the code that the filters of a simulated proxy run for its requests, for `Filter.release(profile=...)`.

    Parameters
    ----------
    proxy
        A proxy that has served requests. The requests are repeated in the same order with a copy of the proxy.
    requests
        Requests to send instead (default: those of the proxy's exchanges).

    Returns
    -------
    BlockProfile
        The code that ran, for `Filter.release(profile=...)`.

    Raises
    ------
    UsageError
        The proxy hasn't served any requests, or none of its filters was compiled from Python source.
    """
    if not isinstance(proxy, Proxy):
        raise UsageError(f"record_code_profile() requires a Proxy, not {type(proxy).__name__}. Pass a simulated proxy.")
    samples = (
        [exchange.request for exchange in proxy.exchanges if isinstance(exchange, Exchange)]
        if requests is None
        else list(requests)
    )
    if not samples:
        raise UsageError(f"The proxy {proxy.name} hasn't served any requests. Send the requests to profile first.")
    plugins, recorded = [], []
    for plugin in proxy.plugins:
        filter_ = plugin.filter
        backend = filter_.recorded() if isinstance(filter_, Filter) else None
        if backend is None or not isinstance(filter_, Filter):
            plugins.append(plugin)
            continue
        recorded.append(backend)
        plugins.append(replace(plugin, filter=Filter(filter_.name, filter_.filename, backend)))
    if not recorded:
        raise UsageError(
            f"The proxy {proxy.name} has no filter that was compiled from Python source. Only such filters can be profiled."
        )
    with proxy.clone(plugins) as copy:
        for request in samples:
            copy.send(request)
        return _merged(recorded)


def profile_of_recording(plugin: Plugin | Filter, path: str | PathLike[str]) -> BlockProfile:
    """Record the code that a filter runs for the requests of a recording.

    Parameters
    ----------
    plugin
        The filter, or the plugin with its configuration.
    path
        Path of the recording, as for `wasmnb.read_traffic`. Its credentials are sent to the filter, but they aren't stored.

    Raises
    ------
    UsageError
        The recording can't be read or is empty, or the filter wasn't compiled from Python source.
    """
    requests = [exchange.request for exchange in read_traffic(path, mask=False)]
    if not requests:
        raise UsageError(f"The recording {path} doesn't contain any requests. Choose a recording with requests.")
    with Proxy(plugin, workers=1) as proxy:
        return record_code_profile(proxy, requests)


def _merged(recorded: list[RecordedFilter]) -> BlockProfile:
    profile = BlockProfile()
    for backend in recorded:
        profile.add(backend.profile())
    return profile

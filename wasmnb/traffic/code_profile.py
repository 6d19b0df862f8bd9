"""Profiles of the code that filters run for their own traffic. The traffic is sent again, to a clone of the proxy."""

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
    """Record which code the filters run for a simulated proxy's requests, for `Filter.release(profile=...)`.

    Parameters
    ----------
    proxy
        A proxy that has served requests. They are sent again, in their order, to a clone of it.
    requests
        Requests to send instead. By default, those of the proxy's exchanges.

    Raises
    ------
    UsageError
        The proxy hasn't served any requests, or none of its filters was made from Python source.
    """
    if not isinstance(proxy, Proxy):
        raise UsageError(f"record_code_profile() needs a Proxy, not {type(proxy).__name__}.")
    samples = (
        [exchange.request for exchange in proxy.exchanges if isinstance(exchange, Exchange)]
        if requests is None
        else list(requests)
    )
    if not samples:
        raise UsageError(f"The proxy {proxy.name} hasn't served any requests. Send some first.")
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
            f"No filter of the proxy {proxy.name} was made from Python source, so there is no code to profile."
        )
    with proxy.clone(plugins) as copy:
        for request in samples:
            copy.send(request)
        return _merged(recorded)


def profile_of_recording(plugin: Plugin | Filter, path: str | PathLike[str]) -> BlockProfile:
    """Record which code of a filter runs for the requests of a recording.

    Parameters
    ----------
    plugin
        The filter, or the plugin with its configuration.
    path
        A recording, as for `wasmnb.read_traffic`. Credentials in it are sent to the filter, and aren't stored.

    Raises
    ------
    UsageError
        The recording can't be read or is empty, or the filter wasn't made from Python source.
    """
    requests = [exchange.request for exchange in read_traffic(path, mask=False)]
    if not requests:
        raise UsageError(f"{path} contains no requests to record a profile from.")
    with Proxy(plugin, workers=1) as proxy:
        return record_code_profile(proxy, requests)


def _merged(recorded: list[RecordedFilter]) -> BlockProfile:
    profile = BlockProfile()
    for backend in recorded:
        profile.add(backend.profile())
    return profile

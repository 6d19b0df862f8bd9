"""The functions `fuzz`, which starts a search, and `replay`, which runs one scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from random import Random
from typing import Any

from ...errors import UsageError
from ...host import Plugin
from ...traffic.replay.pool import run_shards, workers_of
from ...traffic.replay.portable_filter import portable_plugins
from .job import FuzzJob, FuzzPart
from .report import KINDS, FuzzReport
from .scenarios.capabilities import capabilities_of
from .scenarios.scenario import GrpcServiceResponse, HttpServiceResponse, Scenario
from .search.alarm import alarm_available
from .search.runner import FilterFault, Session, Settings
from .search.search import Search

__all__ = ["fuzz", "replay"]


def fuzz(
    filter: Any,  # noqa: A002 -- as Proxy calls it
    *,
    seconds: float = 30.0,
    seed: int = 0,
    only: str | Iterable[str] = (),
    config: Any = None,
    vm_config: Any = None,
    workers: int | None = None,
    kind: str | None = None,
    clusters: Mapping[str, Any] | None = None,
    deadline: float = 1.0,
    all_faults: bool = False,
    executor: Executor | None = None,
    searches: int | None = None,
    progress: Callable[[FuzzReport], None] | None = None,
) -> FuzzReport:
    """Search for traps, hangs, stuck streams, memory growth, and use of the ABI that would crash Envoy.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of them (a chain). Native filters run natively during the search, which is faster, and
        as Wasm when memory is measured and findings are confirmed.
    seconds
        Duration of the search in real seconds (default 30). Shrinking a finding takes up to ten more seconds.
    seed
        Seed of the random choices (default 0). The same seed tries the same scenarios in the same order.
    only
        Kinds of fault to report, one or several of `trap`, `hang`, `stuck`, `growth`, `misuse` (default: all).
    config
        Plugin configuration, as in `Proxy` (default none).
    vm_config
        VM configuration, as in `Proxy` (default none).
    workers
        Number of workers (default None: one worker, but three in every third proxy if the filter uses shared data or queues).
    kind
        Filter chain of a single filter, `http` or `network` (default None: the chain for which the filter has callbacks).
    clusters
        Services by cluster name, as in `Proxy` (default none). Other clusters called by the filter send random responses.
    deadline
        Real seconds after which a callback is considered a hang (default 1).
    all_faults
        Whether to continue after the first finding, to find other faults (default False).
    executor
        A `concurrent.futures.Executor` that runs several searches with different seeds at the same time, each for `seconds`
        (default None: one search in this process). The report contains all findings. If a process dies, the results of its
        search are lost, and `report.messages` contains a note.
    searches
        Number of searches on the executor, whose seeds are `seed`, `seed` + 1, and so on (default None: as many as the
        executor runs at the same time).
    progress
        Function that is called with the current report (default None). It is called about ten times per second, or with an
        executor at the end of each search.

    Returns
    -------
    FuzzReport
        The findings with their tests. Print it to read them. If you interrupt the search (Ctrl-C or the notebook's stop
        button), the report contains the findings so far.

    Raises
    ------
    FilterTrap
        The filter fails when it starts.
    UsageError
        `only` contains an unknown kind of fault, or settings of a single plugin were passed together with a chain.
    """
    settings = _settings(filter, config, vm_config, kind, clusters, deadline)
    if executor is not None:
        arguments = {
            "seconds": seconds, "only": tuple(_kinds(only)), "workers": workers, "clusters": clusters, "deadline": deadline,
            "all_faults": all_faults,
        }  # fmt: skip
        return _on_executor(executor, settings.plugins, arguments, seed, searches, progress)
    search = Search(settings, workers, Random(seed), seconds, _kinds(only), progress)  # noqa: S311 -- no secrets here
    search.all_faults = all_faults
    return search.run()


def _on_executor(
    executor: Executor,
    plugins: Any,
    arguments: dict[str, Any],
    seed: int,
    searches: int | None,
    progress: Callable[[FuzzReport], None] | None,
) -> FuzzReport:
    """Run searches with different seeds on an executor, and return their merged report."""
    number = workers_of(executor, 4) if searches is None else searches
    if number < 1:
        raise UsageError(f"searches= must be at least 1, not {number}.")
    chain = plugins if isinstance(plugins, list | tuple) else [plugins]
    items = [item if isinstance(item, Plugin) else Plugin(item) for item in chain]
    job = FuzzJob(portable_plugins(items), arguments)

    def show(tried: int) -> None:
        if progress is not None:
            progress(FuzzReport(job.empty().name, tried=tried, activity=f"searching with {number} seeds"))

    return run_shards(executor, job, (FuzzPart(n, seed + n) for n in range(number)), number, show)


def _kinds(only: str | Iterable[str]) -> frozenset[str]:
    """Return the kinds of fault to report. Raises UsageError for an unknown kind."""
    names = [only] if isinstance(only, str) else list(only)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise UsageError(f"Unknown kind of fault in only=: {unknown[0]!r}. Use {', '.join(KINDS)}.")
    return frozenset(names or KINDS)


def _settings(
    filters: Any, config: Any, vm_config: Any, kind: str | None, clusters: Mapping[str, Any] | None, deadline: float
) -> Settings:
    if isinstance(filters, list | tuple) and len(filters) == 1:
        filters = filters[0]
    plugin_settings = {"config": config, "vm_config": vm_config, "kind": kind}
    is_chain = isinstance(filters, list | tuple)
    if is_chain and any(value is not None for value in plugin_settings.values()):
        names = ", ".join(f"{name}=" for name in plugin_settings)
        raise UsageError(f"{names} can't be passed together with a chain of filters. Pass them to each Plugin(...).")
    plugins = filters if is_chain else _plugin(filters, plugin_settings)
    grpc = {"grpc", "http_call"} & capabilities_of(filters) == {"grpc"}
    service = GrpcServiceResponse((b"",), 0) if grpc else HttpServiceResponse()
    settings = Settings(plugins, clusters=clusters, deadline=deadline, service=service)
    # A native callback that doesn't return can be stopped only by the alarm.
    return settings if alarm_available() else settings.in_wasm


def _plugin(filter_or_plugin: Any, settings: dict[str, Any]) -> Plugin:
    """Create the plugin of one filter. By default, its kind is the chain for which the filter has callbacks."""
    changes = {name: value for name, value in settings.items() if value is not None}
    if isinstance(filter_or_plugin, Plugin):
        return replace(filter_or_plugin, **changes)
    return Plugin(filter_or_plugin, **changes)


def replay(filter: Any, scenario: Scenario, **settings: Any) -> FilterFault | None:  # noqa: A002 -- as Proxy calls it
    """Run a scenario of a finding again, on a new proxy.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of them (a chain).
    scenario
        The scenario, such as `Finding.scenario`.
    settings
        Other fields of `Settings`, such as `kind` and `workers`.

    Returns
    -------
    FilterFault | None
        The fault, or None if the filter doesn't fail.

    Raises
    ------
    FilterTrap
        The filter fails when it starts.
    """
    with Session(Settings(filter, **settings)) as session:
        return session.run(scenario)

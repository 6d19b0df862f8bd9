"""What callers ask of the fuzzer, `fuzz` and `replay`: their wishes checked and put into a search's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from ...errors import UsageError
from ...host import Plugin
from .report import KINDS, FuzzReport
from .scenarios.capabilities import abilities_of, kind_of
from .scenarios.scenario import Answer, GrpcAnswer, Scenario
from .search.alarm import can_ring
from .search.runner import Fault, Session, Settings
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
    progress: Callable[[FuzzReport], None] | None = None,
) -> FuzzReport:
    """Search for a trap, a hang, a stuck stream, a growth in memory, or use of the ABI that would crash Envoy.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of them (a chain). Native ones are searched natively, which is faster, and as Wasm
        where it matters: when memory is watched, and when a finding is written down.
    seconds
        Real time to search for; making a finding small comes on top, up to ten seconds each.
    seed
        The same seed tries the same scenarios in the same order.
    only
        Kinds of fault that count: `trap`, `hang`, `stuck`, `growth`, `misuse`; by default all of them.
    config, vm_config, workers
        As in `Proxy`; by default one worker, and now and then several if the filter uses shared data or queues.
    kind
        Where a single filter stands, `http` or `network`; by default what it has callbacks for.
    clusters
        Services with answers of their own; any other cluster that the filter calls gets random answers.
    deadline
        Real seconds after which a callback counts as hanging.
    all_faults
        Go on after the first finding, for faults of other kinds and in other places.
    progress
        Called now and then with the report as it is.

    Returns
    -------
    FuzzReport
        `print` it for the findings with their tests. An interrupt (Ctrl-C, the notebook's stop button) ends the search
        early; what was found until then is in the report, as small as it got.

    Raises
    ------
    FilterTrap
        The filter does not even start.
    UsageError
        A kind of fault that does not exist.
    """
    settings = _settings(filter, config, vm_config, kind, clusters, deadline)
    search = Search(settings, workers, Random(seed), seconds, _kinds(only), progress)  # noqa: S311 -- no secrets here
    search.all_faults = all_faults
    return search.run()


def _kinds(only: str | Iterable[str]) -> frozenset[str]:
    """The kinds of fault that count."""
    wanted = [only] if isinstance(only, str) else list(only)
    unknown = [name for name in wanted if name not in KINDS]
    if unknown:
        raise UsageError(f"There is no kind of fault {unknown[0]!r}; there are {', '.join(KINDS)}.")
    return frozenset(wanted or KINDS)


def _settings(
    filters: Any, config: Any, vm_config: Any, kind: str | None, clusters: Mapping[str, Any] | None, deadline: float
) -> Settings:
    if isinstance(filters, list | tuple) and len(filters) == 1:
        filters = filters[0]
    told = {"config": config, "vm_config": vm_config, "kind": kind}
    several = isinstance(filters, list | tuple)
    if several and any(value is not None for value in told.values()):
        raise UsageError(f"With several plugins, say {', '.join(told)} in each Plugin(...).")
    plugins = filters if several else _plugin(filters, told)
    grpc = {"grpc", "http_call"} & abilities_of(filters) == {"grpc"}
    service = GrpcAnswer((b"",), 0) if grpc else Answer()
    made = Settings(plugins, clusters=clusters, deadline=deadline, service=service)
    # Without the alarm nothing could end a native callback that does not return.
    return made if can_ring() else made.in_wasm


def _plugin(made: Any, told: dict[str, Any]) -> Plugin:
    """One filter as a plugin, where it has callbacks for."""
    plugin = made if isinstance(made, Plugin) else Plugin(made)
    given = {name: value for name, value in told.items() if value is not None}
    if plugin.kind == "http" and "kind" not in given:
        given["kind"] = kind_of(plugin.filter)
    return replace(plugin, **given)


def replay(filter: Any, scenario: Scenario, **settings: Any) -> Fault | None:  # noqa: A002 -- as Proxy calls it
    """Run a scenario on a fresh proxy; gives what is wrong, or None. Takes what `Settings` takes."""
    with Session(Settings(filter, **settings)) as session:
        return session.run(scenario)

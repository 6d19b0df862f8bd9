"""Stats sinks: snapshots of the statistics for a plugin on the main thread."""

from ..scenario import Plug, Scenario, Send, Shutdown, Wait, maker

S = maker("stats_sinks")

_STATS = "python:stats"
_COUNTING = (Plug("counts", module=_STATS, name="counting"),)
_SINK = Plug("a sink", module=_STATS, name="sink", root_id="sink")


def _snapshots(name: str, *sinks: Plug, plugins: tuple[Plug, ...] = _COUNTING, steps: tuple = ()) -> Scenario:
    steps = steps or (Wait(1.5), Send(headers=[("x-hits", "3")]), Wait(1.0), Send(), Wait(1.0), Shutdown())
    return S(name, steps, plugins=plugins, stats_sinks=sinks, stats_interval=1.0, show_start=True, stats=r"^wasm\.wasm_vm_count")


SCENARIOS: list[Scenario] = [
    _snapshots("a sink beside a filter", _SINK),
    _snapshots("a sink in a VM of its own", Plug("a sink", module=_STATS, name="sink", vm_id="other")),
    _snapshots("two sinks", _SINK, Plug("another", module=_STATS, name="second", root_id="second")),
    _snapshots("a sink that traps", Plug("traps", module=_STATS, name="sink", vm_id="other")),
    _snapshots("a sink whose on_configure returns 0", Plug("on_configure: return 0", name="sink"), steps=(Wait(0.1), Shutdown())),
    _snapshots("a sink whose on_configure traps", Plug("on_configure: trap", name="sink"), steps=(Wait(0.1), Send(), Shutdown())),
]

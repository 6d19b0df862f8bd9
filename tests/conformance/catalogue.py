"""All scenarios, by area."""

from importlib import import_module

from .scenario import Scenario

#: Modules of `scenarios/`, in the order in which reports list them.
AREAS = (
    "lifecycle", "loading", "streams", "pausing", "buffers", "headers", "local_replies", "closing", "properties", "shared",
    "metrics", "ticks", "calls", "http_calls", "chains", "failure", "faults", "limits", "tcp", "grpc", "awaits", "wire", "edge", "framing", "routing", "matching", "starting", "crashes", "wire_http2", "stats_sinks", "combinations",
    "requests", "responses", "retries", "route_options", "contexts", "control", "phases", "expressions",
)  # fmt: skip


def scenarios(*areas: str) -> list[Scenario]:
    """Return the scenarios of the given areas, or of all areas."""
    result: list[Scenario] = []
    for area in areas or AREAS:
        result += import_module(f".scenarios.{area}", __package__).SCENARIOS
    return result

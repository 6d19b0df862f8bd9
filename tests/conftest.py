"""Shared setup: time limits, reruns of tests with real time and sockets, and event loops."""

import asyncio
import warnings

import pytest
from hypothesis import settings

from tests.release_modes import pytest_addoption, pytest_configure, pytest_sessionfinish  # noqa: F401 -- hooks

settings.register_profile("shared machine", deadline=None)  # other programs may slow down an example
settings.load_profile("shared machine")

#: Markers of tests with real time and sockets, which other programs may disturb. They run again, once, after a failure.
REAL = ("envoy", "browser")


def pytest_collection_modifyitems(items):
    for item in items:
        if any(item.get_closest_marker(name) for name in REAL):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter):
    """Print the number of reruns, if such tests ran, and the names of the tests. With xdist, this is the controller."""
    reports = [r for group in terminalreporter.stats.values() for r in group if isinstance(r, pytest.TestReport)]
    if any("flaky" in report.keywords for report in reports):
        names = [report.nodeid for report in terminalreporter.getreports("rerun")]
        terminalreporter.write_line(f"Reruns of Envoy and browser tests: {len(names)}")
        for name in names:
            terminalreporter.write_line(f"  {name}")


@pytest.fixture(autouse=True, scope="module")
def loops_end_with_their_module():
    """Close the event loop that asyncio or jupyter_client has created implicitly, so that a later test isn't blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:  # no loop
            return
        if not loop.is_running():
            loop.close()
            asyncio.set_event_loop_policy(None)

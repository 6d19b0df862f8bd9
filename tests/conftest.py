"""Shared setup: time limits, reruns of tests with real time, distribution to processes, and event loops."""

import asyncio
import gc
import signal
import warnings

import pytest
from hypothesis import settings

from wasmnb.compiler.release import release_filter

from panel_build.write import is_current, write
from tests.release_modes import pytest_addoption, pytest_configure, pytest_runtest_setup, pytest_sessionfinish  # noqa: F401 -- hooks

# Release modules are compressed faster than for deployment, because the tests make many of them.
release_filter.LEVEL = 4

# Without a deadline, because other programs may slow down an example.
settings.register_profile("fast", deadline=None, max_examples=25)
settings.register_profile("full", deadline=None)  # of make test and make test-release
settings.load_profile("fast")

# A shell starts jobs in the background with SIGINT ignored, and processes that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Markers of tests with sockets or limits in real time, which other programs may disturb. They run again, once, after a failure.
REAL = ("envoy", "browser", "slow")


def pytest_collection_modifyitems(items):
    for item in items:
        if any(item.get_closest_marker(name) for name in REAL):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect tests without the garbage collector, and freeze them, because scanning thousands of tests is slow."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_sessionstart(session):
    """Join the panel's modules if they have changed, and record the durations of files, in the process that receives all reports."""
    if not hasattr(session.config, "workerinput"):
        from tests.parallel import UnitSeconds

        join_panel()
        session.config.pluginmanager.register(UnitSeconds(session.config))


def join_panel():
    """Do what `make panel` does. Without the parser, only tests that display a panel fail, with the reason."""
    if is_current():
        return
    try:
        write()
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tree_sitter"):
            raise
    except ValueError as error:
        raise pytest.UsageError(f"The panel's modules can't be joined. {error}") from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Distribute files, unless another form of distribution is chosen."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.parallel import FileScheduling

    return FileScheduling(config, log)


def pytest_terminal_summary(terminalreporter):
    """Print the number of reruns, and each one's test and failure, if tests that can be rerun have run."""
    reports = [r for group in terminalreporter.stats.values() for r in group if isinstance(r, pytest.TestReport)]
    if any("flaky" in report.keywords for report in reports):
        reruns = terminalreporter.getreports("rerun")
        terminalreporter.write_line(f"Reruns of Envoy, browser and slow tests: {len(reruns)}")
        for report in reruns:
            terminalreporter.write_line(f"  {report.nodeid}")
            for line in failure_of(report):
                terminalreporter.write_line(f"    {line}")


def failure_of(report, limit=12):
    """Return the last lines of a failure, those of its assertion first. A test that passes when it runs again has no other record."""
    lines = report.longreprtext.splitlines()
    asserted = [line for line in lines if line.startswith("E ")]
    return [line[:400] for line in (asserted[:limit] or lines[-limit:])]


@pytest.fixture(autouse=True, scope="module")
def garbage_ends_with_its_module():
    """Collect the garbage at a file's end, and freeze all other objects, because scanning them takes a second each time."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def loops_end_with_their_module(garbage_ends_with_its_module):
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

"""Real time and real sockets, on machines that others use, too: such a test may fail by chance once, not twice."""

import asyncio
import warnings

import pytest
from hypothesis import settings

from tests.release_modes import pytest_addoption, pytest_configure, pytest_sessionfinish  # noqa: F401 -- hooks

settings.register_profile("shared machine", deadline=None)  # an example's time says nothing where others run, too
settings.load_profile("shared machine")

#: Tests that start Envoy or Chromium are run again, once, if they fail; all others count at once.
REAL = ("envoy", "browser")


def pytest_collection_modifyitems(items):
    for item in items:
        if any(item.get_closest_marker(name) for name in REAL):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True, scope="module")
def loops_end_with_their_module():
    """An event loop that asyncio or jupyter_client made by the way is never closed: a later test would be blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:  # there is none
            return
        if not loop.is_running():
            loop.close()
            asyncio.set_event_loop_policy(None)

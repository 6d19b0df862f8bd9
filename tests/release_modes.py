"""Run tests with other modules than full modules: `pytest --filters=release`.

    full          full modules, which notebooks run (the default)
    release       release modules, which are deployed
    interpreted   release modules in which all code is interpreted that can be interpreted
    recorded      full modules that record the code that they execute. The code that all tests together have executed is
                  written to `--profile-folder`, and functions that only tests with the marker `seldom` have entered to
                  a separate file there. Release modules interpret these functions, and unpack them together

Tests with the marker `full` use full modules in the modes `release` and `interpreted` as well, because they compare full modules
with something else, including each event and each random number.

The environment variable `WASMNB_TEST_FILTERS` selects the mode in processes that tests start.
"""

import os
from pathlib import Path

import pytest

from wasmnb.compiler.release.profile.block_profile import BlockProfile
from wasmnb.compiler.release.profile.recorded_filter import RecordedFilter
from wasmnb.compiler.release.release_filter import file_names_of, make_release
from wasmnb.compiler.source_filter import SourceFilter
from wasmnb.engine import Image

#: Blocks that run less often than this share of a recording's instructions are interpreted in release modules: compiling them at
#: every start would cost more.
RARE = 2.2e-7

MODES = ("full", "release", "interpreted", "recorded")


def pytest_addoption(parser):
    parser.addoption("--filters", choices=MODES, default=os.environ.get("WASMNB_TEST_FILTERS", "full"))
    parser.addoption("--profile-folder", type=Path, default=None)


def pytest_configure(config):
    mode = config.getoption("--filters")
    if mode == "recorded":
        config.stash_recorded = RecordedModules()
    elif mode != "full":
        config.stash_released = ReleaseModules(mode == "interpreted")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Select the modules before all fixtures of the test are set up, including fixtures of larger scopes."""
    released, recorded = getattr(item.config, "stash_released", None), getattr(item.config, "stash_recorded", None)
    if released is not None:
        released.off = item.get_closest_marker("full") is not None
    if recorded is not None:
        recorded.seldom = item.get_closest_marker("seldom") is not None


def pytest_sessionfinish(session):
    recorded, folder = getattr(session.config, "stash_recorded", None), session.config.getoption("--profile-folder")
    if recorded is not None and folder is not None:
        recorded.write(folder)


class ReleaseModules:
    """Runs every filter that is compiled from source as its release module."""

    def __init__(self, bare):
        self.bare, self.off = bare, False
        self.image, self.wasm = SourceFilter.image, SourceFilter.wasm
        SourceFilter.image = lambda backend, engine, progress=None: (
            self.image(backend, engine, progress) if self.off else self.released(backend).image(engine)
        )
        SourceFilter.wasm = lambda backend: self.wasm(backend) if self.off else self.released(backend).wasm()

        SourceFilter.file_names = property(lambda backend: {} if self.off else file_names_of(backend))

    def released(self, backend):
        release = backend.__dict__.get("_release")
        if release is None:
            release = backend.__dict__["_release"] = make_release(backend, bare=self.bare, level=1)
            if self.bare:
                release.image = lambda engine, image=release.image: Patient(image(engine).code)
        return release


class Patient(Image):
    """An image whose guests have more time, because interpreted code takes up to forty times longer."""

    def instantiate(self, resolve, *, memory_limit=1 << 30, deadline=5.0):
        return super().instantiate(resolve, memory_limit=memory_limit, deadline=40 * deadline)


class RecordedModules:
    """Runs every filter that is compiled from source in an instrumented runtime."""

    def __init__(self):
        self.loading, self.serving, self.exceptional = BlockProfile(), BlockProfile(), BlockProfile()
        self.recordings, self.seldom = [], False
        self.plain = SourceFilter.image
        SourceFilter.image = lambda backend, engine, progress=None: self.recorded(backend, engine, progress)

    def recorded(self, backend, engine, progress):
        if engine.fuel:
            return self.plain(backend, engine, progress)
        recording = backend.__dict__.get("_recorded")
        if recording is None:
            recording = backend.__dict__["_recorded"] = RecordedFilter(backend)
            self.recordings.append((recording, self.seldom))
        return recording.image(engine)

    def write(self, folder):
        for recorded, seldom in self.recordings:
            if seldom:
                self.exceptional.add(recorded.profile())
                continue
            self.loading.add(recorded.profile(loading=True))
            self.serving.add(recorded.profile(least=RARE))
        (folder / "loading.txt").write_text(self.loading.without_work().text())
        (folder / "serving.txt").write_text(self.serving.without_work().text())
        (folder / "seldom.txt").write_text(self._exceptional().text())

    def _exceptional(self):
        """Return the functions that aren't in the other profiles, without their blocks."""
        known = self.loading.functions.keys() | self.serving.functions.keys()
        names = self.exceptional.functions.keys() - known
        return BlockProfile({name: (self.exceptional.functions[name][0], frozenset()) for name in names})

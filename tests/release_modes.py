"""Runs any test on other modules than the full ones: `pytest --filters=release`.

    full          what a notebook runs (the default)
    release       what is deployed: the release module
    interpreted   a release module in which nothing is compiled that can be interpreted
    recorded      full modules that note which code they execute; `--profile-folder` gets what all tests together execute

`WASMNB_TEST_FILTERS` says the same for tests that start processes of their own.
"""

import os
from pathlib import Path

from wasmnb.compiler.release.profile.block_profile import BlockProfile
from wasmnb.compiler.release.profile.recorded_filter import RecordedFilter
from wasmnb.compiler.release.release_filter import make_release
from wasmnb.compiler.source_filter import SourceFilter
from wasmnb.engine import Image

MODES = ("full", "release", "interpreted", "recorded")


def pytest_addoption(parser):
    parser.addoption("--filters", choices=MODES, default=os.environ.get("WASMNB_TEST_FILTERS", "full"))
    parser.addoption("--profile-folder", type=Path, default=None)


def pytest_configure(config):
    mode = config.getoption("--filters")
    if mode == "recorded":
        config.stash_recorded = Recorded()
    elif mode != "full":
        Released(mode == "interpreted")


def pytest_sessionfinish(session):
    recorded, folder = getattr(session.config, "stash_recorded", None), session.config.getoption("--profile-folder")
    if recorded is not None and folder is not None:
        recorded.write(folder)


class Released:
    """Has every filter that is made from source run as its release module."""

    def __init__(self, bare):
        self.bare = bare
        self.image, self.wasm = SourceFilter.image, SourceFilter.wasm
        SourceFilter.image = lambda made, engine, progress=None: self.released(made).image(engine)
        SourceFilter.wasm = lambda made: self.released(made).wasm()

    def released(self, made):
        found = made.__dict__.get("_release")
        if found is None:
            found = made.__dict__["_release"] = make_release(made, bare=self.bare, level=1)
            if self.bare:
                found.image = lambda engine, image=found.image: Patient(image(engine).code)
        return found


class Patient(Image):
    """Gives a guest more time: interpreted code takes up to forty times longer."""

    def instantiate(self, resolve, *, memory_limit=1 << 30, deadline=5.0):
        return super().instantiate(resolve, memory_limit=memory_limit, deadline=40 * deadline)


class Recorded:
    """Has every filter that is made from source run on an instrumented runtime."""

    def __init__(self):
        self.loading, self.serving = BlockProfile(), BlockProfile()
        self.recordings = []
        self.plain = SourceFilter.image
        SourceFilter.image = lambda made, engine, progress=None: self.recorded(made, engine, progress)

    def recorded(self, made, engine, progress):
        if engine.fuel:
            return self.plain(made, engine, progress)
        found = made.__dict__.get("_recorded")
        if found is None:
            found = made.__dict__["_recorded"] = RecordedFilter(made)
            self.recordings.append(found)
        return found.image(engine)

    def write(self, folder):
        for recorded in self.recordings:
            self.loading.add(recorded.profile(loading=True))
            self.serving.add(recorded.profile())
        (folder / "loading.txt").write_text(self.loading.text())
        (folder / "serving.txt").write_text(self.serving.text())

"""Distribution of tests to processes: the tests of a file run in one process, so that its fixtures are set up once.

Otherwise the tests of a file would be spread over all processes, each of which would compile the filters and start an Envoy.
Long files start first, so that no process ends long after the others. Their durations in the last run are in pytest's cache.
"""

from collections import Counter

from xdist.scheduler import LoadScopeScheduling

#: Folders whose files share one process, because they share a server.
ONE_PROCESS = ("tests/browser/",)

#: Files with long tests and without expensive fixtures: their tests are distributed one by one.
ONE_BY_ONE = ("tests/conformance/test_conformance.py",)

#: Beginning of a unit's name -> its seconds without a cache: processor time and waiting, on two cores. The first beginning that
#: fits counts. Other units count by their number of tests.
SECONDS = {
    "tests/browser": 330,
    "tests/notebooks/test_notebooks_run.py": 130,
    "tests/compiler/test_runtime.py": 120,
    "tests/testing/test_fuzz.py": 95,
    "tests/compiler/test_hash_secret.py": 80,
    "tests/envoy/test_examples_everywhere.py": 60,
    "tests/conformance/test_conformance.py::test_envoy_has_the_recorded_outcome[awaits]": 60,
    "tests/compiler/test_late_imports.py": 55,
    "tests/release/test_release_in_envoy.py": 55,
    "tests/attack/test_short.py": 50,
    "tests/packaging/test_packages.py": 40,
    "tests/release/test_features.py": 40,
    "tests/foreign/": 30,
    "tests/notebooks/test_foreign_modules.py": 30,
    "tests/testing/test_real.py": 30,
    "tests/attack/test_panel.py": 30,
    "tests/docs/test_site.py": 25,
    "tests/attack/test_config.py": 25,
    "tests/compiler/test_saved_modules.py": 20,
    "tests/compiler/test_in_envoy.py": 20,
    "tests/traffic/test_dask.py": 20,
    "tests/envoy/test_start_cost.py": 20,
    "tests/attack/": 15,
    "tests/release/": 15,
    "tests/traffic/test_replay.py": 15,
    "tests/traffic/test_plans.py": 15,
    "tests/envoy/test_export.py": 15,
    "tests/envoy/": 6,
    "tests/conformance/test_conformance.py::test_envoy": 5,
}
TEST_SECONDS = 0.05

#: Key of pytest's cache.
_KEY = "wasmnb/seconds"


def unit(nodeid):
    """Return the folder, the file or the test that runs in one process."""
    if nodeid.startswith(ONE_PROCESS):
        return nodeid[: nodeid.index("/", len("tests/"))]
    return nodeid if nodeid.startswith(ONE_BY_ONE) else nodeid.partition("::")[0]


class FileScheduling(LoadScopeScheduling):
    """Sends files to processes, beginning with the longest files."""

    _ordered = False

    def _split_scope(self, nodeid):
        return unit(nodeid)

    def _assign_work_unit(self, node):
        if not self._ordered:
            self._ordered = True
            cache = getattr(self.config, "cache", None)
            seconds = cache.get(_KEY, {}) if cache else {}
            for scope in sorted(self.workqueue, key=lambda scope: seconds.get(scope, self._guess(scope))):
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _guess(self, scope):
        known = (seconds for name, seconds in SECONDS.items() if scope.startswith(name))
        return next(known, TEST_SECONDS * len(self.workqueue[scope]))


class UnitSeconds:
    """A plugin that stores the duration of each unit in pytest's cache."""

    def __init__(self, config):
        self.cache, self.seconds = getattr(config, "cache", None), Counter()

    def pytest_runtest_logreport(self, report):
        self.seconds[unit(report.nodeid)] += report.duration

    def pytest_sessionfinish(self):
        if self.cache:
            known = self.cache.get(_KEY, {})
            # Durations of a partial run say little about the whole file.
            longer = {scope: round(max(new, 0.9 * known.get(scope, 0)), 2) for scope, new in self.seconds.items()}
            self.cache.set(_KEY, known | longer)

"""Profiles: as text, across linkings, of a filter's own traffic; what a release says of itself."""

import warnings

import pytest

from tests.example_cases import EXAMPLES
from wasmnb import Filter, Proxy, UsageError
from wasmnb.compiler.release.profile.block_profile import BlockProfile
from wasmnb.compiler.release.profile.hot_set import corpus, functions_of_imports
from wasmnb.compiler.release.unused_code import unused_functions
from wasmnb.traffic import record_code_profile

SOURCE = """
import statistics

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        numbers = [float(n) for n in self.request_headers["x-numbers"].split(",")]
        self.request_headers["x-value"] = str(statistics.quantiles(numbers, n=4))
"""

POINTS = {5: {1: 0, 4: 1, 9: 2}, 6: {1: 0, 3: 1}, 7: {2: 0}}
SYMBOLS = ["import", "import", "a", "b", "c", "one", "two", "two#1"]


def test_a_profile_is_read_as_it_was_written():
    profile = BlockProfile.of({(5, 1), (5, 9), (7, 2)}, POINTS, SYMBOLS)
    assert BlockProfile.parse(profile.text()).functions == profile.functions == {"one": (3, {0, 2}), "two#1": (1, {0})}


@pytest.mark.parametrize("text", ["", "something else\n", "wasmnb block profile 1\none\t2\t5\n", "wasmnb block profile 1\none\n"])
def test_text_that_is_no_profile_is_refused(text):
    with pytest.raises(ValueError):
        BlockProfile.parse(text)


def test_a_profile_applies_to_a_module_with_other_numbers_and_offsets():
    profile = BlockProfile.of({(5, 1), (5, 9), (6, 3)}, POINTS, SYMBOLS)
    moved = {8: {2: 0, 5: 1, 11: 2}, 9: {1: 0, 3: 1, 5: 2}}
    assert profile.hot(moved, [*SYMBOLS[:5], "x", "y", "z", "one", "two"]) == {8: {2, 11}, 9: None}


def test_profiles_are_added_up():
    first, second = BlockProfile({"f": (4, frozenset({0}))}), BlockProfile({"f": (4, frozenset({2})), "g": (1, frozenset({0}))})
    first.add(second)
    assert first.functions == {"f": (4, {0, 2}), "g": (1, {0})}


def test_the_part_that_a_module_lacks_is_counted():
    profile = BlockProfile.of({(5, 1), (5, 4), (5, 9), (6, 1)}, POINTS, SYMBOLS)
    assert profile.missing(POINTS, SYMBOLS) == 0
    assert profile.missing({6: POINTS[6]}, SYMBOLS) == 0.75


def test_imports_widen_the_hot_set_and_never_with_imported_functions():
    made = Filter.from_source(SOURCE)
    from wasmnb.compiler.release.release_filter import lean_runtime

    lean, _ = lean_runtime(made._backend)
    chosen = {lean.symbols[f] for f in functions_of_imports(["hashlib", "zlib"], lean.symbols)}
    assert {"inflate", "crc32", "sha256_update"} & {n.lower() for n in chosen}
    assert not functions_of_imports(["email"], lean.symbols)
    imported = len(lean.module.imported("func"))
    split = lean.split(functions_of_imports(["random"], lean.symbols))
    assert min(split.hot) >= imported


def test_sqlite_alone_is_left_out():
    symbols = ["a", "sqlite3_open", "helper", "sqlite3_close", *["b"] * 200, "pysqlite_x", "pysqlite_y", "c"]
    assert {symbols[f] for f in unused_functions(symbols)} == {"sqlite3_open", "helper", "sqlite3_close", "pysqlite_x", "pysqlite_y"}


def test_the_corpus_comes_with_the_package():
    assert len(corpus().functions) > 500
    assert corpus(loading=True).functions.keys() > corpus().functions.keys()


@pytest.mark.slow
def test_own_traffic_is_compiled():
    made = Filter.from_source(SOURCE)
    with Proxy(made, workers=1) as proxy:
        proxy.get("/", headers=[("x-numbers", "1,5,9,2.5")])
        profile = record_code_profile(proxy)
    plain, own = made.release(), made.release(profile=profile)
    assert own.info.release.compiled > plain.info.release.compiled
    with Proxy(own, workers=1) as proxy:
        assert proxy.get("/", headers=[("x-numbers", "1,5,9,2.5")]).upstream_request.headers["x-value"] == "[1.375, 3.75, 8.0]"


@pytest.mark.slow
def test_a_profile_of_another_runtime_is_told():
    profile = BlockProfile({f"gone_{n}": (3, frozenset({0, 1})) for n in range(50)})
    with pytest.warns(UserWarning, match="100% of the code in the profile"):
        Filter.from_source(SOURCE).release(profile=profile)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Filter.from_source(SOURCE).release()


def test_a_profile_needs_traffic():
    with Proxy(Filter.from_source(SOURCE), workers=1) as proxy, pytest.raises(UsageError, match="no requests"):
        record_code_profile(proxy)


@pytest.mark.slow
def test_a_release_says_what_it_is(tmp_path):
    made = Filter.from_file(EXAMPLES / "api_key.py")
    path = made.save(tmp_path / "key.wasm")
    full = made.save(tmp_path / "full.wasm", debug=True)
    info = made.release().info
    assert path.stat().st_size == info.size < full.stat().st_size / 2
    assert info.release.full_size == pytest.approx(full.stat().st_size, rel=0.01)
    assert info.release.compiled < 2000 < info.release.interpreted
    assert made.info.release is None
    assert made.release() is made.release()
    assert made.release().release() is made.release()


@pytest.mark.slow
def test_a_module_built_elsewhere_stays_as_it_is():
    made = Filter.from_bytes(Filter.from_file(EXAMPLES / "api_key.py").wasm)
    assert made.release() is made

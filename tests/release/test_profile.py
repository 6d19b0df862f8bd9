"""Code profiles: as text, after relinking, and recorded from a filter's own traffic; facts about a release module."""

import warnings

import pytest

from tests.compiler.compiler_kit import source_filter
from tests.example_cases import EXAMPLES
from wasmnb import Filter, Proxy, UsageError, write_traffic
from wasmnb.compiler.release.profile.block_profile import BlockProfile
from wasmnb.compiler.release.profile.hot_set import corpus, functions_of_imports
from wasmnb.compiler.release.facts import SLOWDOWN, ReleaseFacts
from wasmnb.compiler.release.release_filter import lean_runtime
from wasmnb.compiler.release.unused_code import unused_functions
from wasmnb.traffic import profile as code_cost
from wasmnb.traffic import record_code_profile
from wasmnb.traffic.code_profile import profile_of_recording
from wasmnb.view import facts_text

SOURCE = """
import statistics

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        numbers = [float(n) for n in self.request_headers["x-numbers"].split(",")]
        self.request_headers["x-value"] = str(statistics.quantiles(numbers, n=4))
"""

#: Multiplies large integers, which no example does.
LARGE_NUMBERS = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-value"] = str(int(self.request_headers["x-base"]) ** 3000)[:4]
"""

POINTS = {5: {1: 0, 4: 1, 9: 2}, 6: {1: 0, 3: 1}, 7: {2: 0}}
SYMBOLS = ["import", "import", "a", "b", "c", "one", "two", "two#1"]


def test_profile_round_trips():
    profile = BlockProfile.of({(5, 1): 40, (5, 9): 2, (7, 2): 3}, POINTS, SYMBOLS)
    read = BlockProfile.parse(profile.text())
    assert read.functions == profile.functions == {"one": (3, {0, 2}), "two#1": (1, {0})}
    assert read.work == profile.work == {"one": {0: 40, 2: 2}, "two#1": {0: 3}}
    assert BlockProfile.parse(profile.without_work().text()) == BlockProfile(profile.functions)


@pytest.mark.parametrize("text", ["", "something else\n", "wasmnb block profile 1\none\t2\t5\n", "wasmnb block profile 1\none\n", "wasmnb block profile 1\none\t2\t0-1\t5\n"])
def test_text_that_is_no_profile_is_refused(text):
    with pytest.raises(ValueError):
        BlockProfile.parse(text)


def test_profile_applies_to_a_module_with_other_numbers_and_offsets():
    profile = BlockProfile.of({(5, 1): 1, (5, 9): 1, (6, 3): 1}, POINTS, SYMBOLS)
    moved = {8: {2: 0, 5: 1, 11: 2}, 9: {1: 0, 3: 1, 5: 2}}
    assert profile.hot(moved, [*SYMBOLS[:5], "x", "y", "z", "one", "two"]) == {8: {2, 11}, 9: None}


def test_rare_blocks_are_left_out_and_their_functions_stay_known():
    profile = BlockProfile.of({(5, 1): 40, (5, 9): 2, (7, 2): 3}, POINTS, SYMBOLS, {(5, 9), (7, 2)})
    assert profile.functions == {"one": (3, {0}), "two#1": (1, frozenset())}
    assert profile.hot(POINTS, SYMBOLS) == {5: {1}}
    assert profile.functions_in(SYMBOLS) == {5, 7}
    assert BlockProfile.parse(profile.text()).functions == profile.functions


def test_profiles_are_added_up():
    first = BlockProfile({"f": (4, frozenset({0}))}, {"f": {0: 5}})
    second = BlockProfile({"f": (4, frozenset({0, 2})), "g": (1, frozenset({0}))}, {"f": {0: 1, 2: 7}})
    first.add(second)
    assert first.functions == {"f": (4, {0, 2}), "g": (1, {0})}
    assert first.work == {"f": {0: 6, 2: 7}}


def test_interpreted_part_is_counted_in_instructions():
    profile = BlockProfile.of({(5, 1): 60, (5, 4): 10, (5, 9): 20, (6, 1): 10}, POINTS, SYMBOLS)
    assert profile.interpreted({5: None, 6: None}, POINTS, SYMBOLS) == 0
    assert profile.interpreted({5: frozenset({1, 4}), 6: frozenset({1, 3})}, POINTS, SYMBOLS) == 0.2
    assert profile.interpreted({6: None}, {6: POINTS[6]}, SYMBOLS) == 0.9
    assert profile.without_work().interpreted({6: None}, POINTS, SYMBOLS) == 0.75
    assert BlockProfile().interpreted({}, POINTS, SYMBOLS) == 0


def test_time_in_interpreted_code_is_estimated():
    facts = ReleaseFacts(1, 2, 3, 4, True, (), 5, interpreted_instructions=0.01)
    assert facts.interpreted_time == pytest.approx(SLOWDOWN / (SLOWDOWN + 99))
    assert ReleaseFacts(1, 2, 3, 4, True, (), 5).interpreted_time is None


def test_imports_widen_the_hot_set_and_never_with_imported_functions():
    lean, _ = lean_runtime(source_filter(SOURCE))
    chosen = {lean.symbols[f] for f in functions_of_imports(["hashlib", "zlib"], lean.symbols)}
    assert {"inflate", "crc32", "sha256_update"} & {n.lower() for n in chosen}
    assert not functions_of_imports(["email"], lean.symbols)
    imported = len(lean.module.imported("func"))
    split = lean.split(functions_of_imports(["random"], lean.symbols))
    assert min(split.hot) >= imported


def test_only_sqlite_is_removed_as_unused():
    symbols = ["a", "sqlite3_open", "helper", "sqlite3_close", *["b"] * 200, "pysqlite_x", "pysqlite_y", "c"]
    assert {symbols[f] for f in unused_functions(symbols)} == {"sqlite3_open", "helper", "sqlite3_close", "pysqlite_x", "pysqlite_y"}


def test_corpus_is_part_of_the_package():
    assert len(corpus().functions) > 500
    assert corpus(loading=True).functions.keys() > corpus().functions.keys()


@pytest.mark.slow
@pytest.mark.full
def test_own_traffic_is_compiled():
    filter_ = Filter.from_source(LARGE_NUMBERS)
    with Proxy(filter_, workers=1) as proxy:
        proxy.get("/", {"x-base": "7"})
        proxy.get("/", {"x-base": "7"})
        profile = record_code_profile(proxy)
        plain, own = filter_.release(), filter_.release(profile=proxy)
        cost = code_cost(proxy, release=True).callbacks
    assert own.info.release.compiled > plain.info.release.compiled
    assert own.info.release.interpreted_time < 0.01
    assert plain.info.release.interpreted_time is None
    assert own.wasm == filter_.release(profile=profile).wasm
    assert "0% of its traffic's time in interpreted code" in facts_text(own.info)
    lean, _ = lean_runtime(source_filter(LARGE_NUMBERS))
    hot = lean.split(corpus().hot(lean.cold().points, lean.symbols)).hot
    assert profile.interpreted(hot, lean.cold().points, lean.symbols) > 10 * own.info.release.interpreted_instructions
    cold = next(c for c in cost if c.name == "on_request_headers")
    assert cold.release_fuel > cold.fuel
    assert 0 < cold.interpreted < 1
    with Proxy(own, workers=1) as proxy:
        assert proxy.get("/", {"x-base": "7"}).upstream_request.headers["x-value"] == str(7**3000)[:4]


@pytest.mark.slow
def test_profile_of_another_runtime_raises_a_warning():
    profile = BlockProfile({f"gone_{n}": (3, frozenset({0, 1})) for n in range(50)})
    with pytest.warns(UserWarning, match="of <filter> was recorded with another runtime, so its traffic would spend 100% of the time"):
        Filter.from_source(SOURCE).release(profile=profile)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Filter.from_source(SOURCE).release()


@pytest.mark.slow
def test_recording_is_a_profile(tmp_path):
    filter_ = Filter.from_source(SOURCE)
    recording = tmp_path / "day.jsonl"
    with Proxy(filter_, workers=1) as proxy:
        proxy.get("/", headers=[("x-numbers", "1,5,9,2.5"), ("authorization", "Bearer secret")])
        write_traffic(proxy.exchanges, recording, mask=False)
    path = filter_.save(tmp_path / "x.wasm", profile=profile_of_recording(filter_, recording))
    assert path.stat().st_size > len(filter_.release().wasm)


def test_only_a_proxy_with_python_filters_has_a_code_profile():
    with pytest.raises(UsageError, match="requires a Proxy, not dict"):
        Filter.from_source(SOURCE).release(profile={})


def test_profile_without_traffic_raises():
    with Proxy(Filter.from_source(SOURCE), workers=1) as proxy, pytest.raises(UsageError, match="hasn't served any requests"):
        record_code_profile(proxy)


@pytest.mark.slow
def test_release_info_has_sizes_and_counts(tmp_path):
    key = Filter.from_file(EXAMPLES / "api_key.py")
    path = key.save(tmp_path / "key.wasm")
    full = key.save(tmp_path / "full.wasm", debug=True)
    info = key.release().info
    assert path.stat().st_size == info.size < full.stat().st_size / 2
    assert info.release.full_size == pytest.approx(full.stat().st_size, rel=0.01)
    assert info.release.compiled < 2000 < info.release.interpreted
    assert key.info.release is None
    assert key.release() is key.release()
    assert key.release().release() is key.release()


@pytest.mark.slow
def test_module_built_elsewhere_is_its_own_release():
    key = Filter.from_bytes(Filter.from_file(EXAMPLES / "api_key.py").wasm)
    assert key.release() is key

"""The cache of runtimes: built once, by one process, repaired, listed and cleared."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.compiler.compiler_kit import STREAM, said
from wasmnb.compiler import Filter, build_runtime, clear_runtimes, list_runtimes
from wasmnb.compiler.cache.runtimes import Cache
from wasmnb.compiler.runtime_build import runtime as runtime_module
from wasmnb.compiler.dependencies.requirements import Requirements
from wasmnb.engine import default_engine
from wasmnb.errors import BuildError, SourceError, UsageError


@pytest.fixture(scope="module", autouse=True)
def runtime():
    return build_runtime()


BUILD = """
import json, sys
from wasmnb.compiler import Filter
steps = []
compiled = Filter.from_source(sys.argv[1], progress=lambda step, fraction: steps.append((step, fraction)))
print(json.dumps([compiled.info.runtime, steps]))
"""


def start(folder, source=STREAM):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, source],
        env={**os.environ, "WASMNB_CACHE": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory):
    """A cache filled by two processes at the same time."""
    folder = tmp_path_factory.mktemp("cache")
    both = [start(folder), start(folder)]
    return folder, [finish(process) for process in both]


@pytest.mark.slow
def test_two_concurrent_kernels_build_once(own_cache):
    folder, ((key, first), (same, second)) = own_cache
    assert key == same
    built = [any("compiling" in step for step, _ in steps) for steps in (first, second)]
    assert sorted(built) == [False, True]
    assert [p.name for p in (folder / "runtimes").iterdir() if not p.name.startswith(".")] == [key]
    assert not [p for p in (folder / "runtimes").iterdir() if p.name.startswith(".") and not p.name.endswith(".lock")]


@pytest.mark.slow
def test_progress_goes_from_zero_to_one(own_cache):
    steps = next(steps for _, steps in own_cache[1] if any("compiling" in step for step, _ in steps))
    fractions = [fraction for step, fraction in steps if "Waiting" not in step]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert 0.9 < fractions[-1] <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [["code.cwasm"], ["code.cwasm", "runtime.wasm"]])  # tests/compiler/test_cache.py damages manifests
def test_damaged_cache_is_rebuilt(own_cache, damaged):
    folder, ((key, _), _) = own_cache
    for name in damaged:
        path = folder / "runtimes" / key / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again, _ = finish(start(folder))
    assert again == key
    _, steps = finish(start(folder))
    assert steps == []


@pytest.mark.slow
def test_interrupted_build_leaves_no_files_and_no_process(tmp_path):
    process = start(tmp_path)
    try:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in err
    left = [p.name for p in (tmp_path / "runtimes").iterdir() if not p.name.endswith(".lock")]
    assert left == []
    mine = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout
    assert mine == ""


@pytest.mark.slow
def test_package_failing_in_the_guest_is_reported_at_its_import(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gives_up.py").write_text("import os\nif not hasattr(os, 'fork'): raise ImportError('needs fork')")
    with pytest.raises(SourceError, match="gives_up can't be imported inside WebAssembly.*needs fork") as caught:
        Filter.from_source("x = 1\nimport gives_up\n" + STREAM, first_line=10)
    assert caught.value.lineno == 11


@pytest.mark.slow
def test_pure_package_works_in_a_filter(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "polite").mkdir()
    (tmp_path / "polite" / "__init__.py").write_text('"""Read by itself."""\nfrom .words import greet\nsaid = __doc__')
    (tmp_path / "polite" / "words.py").write_text("def greet(): return 'good day'")
    lines = said("import polite\nfrom polite import words\nprint(polite.greet(), words.__name__, polite.said)")
    assert lines == [(2, "good day polite.words Read by itself.")]
    (polite,) = [r for r in list_runtimes() if r.packages == ("polite",)]
    assert clear_runtimes(polite.key) == 1


def test_runtimes_are_listed_with_their_contents(runtime):
    facts = next(r for r in list_runtimes() if r.key == runtime.key)
    assert facts.current
    assert (facts.modules, facts.packages) == ((), ())
    assert 20_000_000 < facts.size < 100_000_000
    assert facts.build_seconds > 1


@pytest.mark.parametrize("is_first", [True, False])
def test_only_the_first_runtime_of_a_cache_compiles_the_archive(is_first, tmp_path, monkeypatch):
    components = set()

    def no_component(folder, *_):
        components.add(folder.name)
        raise runtime_module.ComponentizeError("not here", "")

    monkeypatch.setattr(runtime_module, "componentize", no_component)
    runtimes = runtime_module.Runtimes(Cache(tmp_path) if is_first else None)
    with pytest.raises(BuildError, match="not here"):
        runtimes.get(Requirements(frozenset({"of_no_runtime"})), default_engine())
    assert components == ({"runtime", "archive"} if is_first else {"runtime"})


def test_clearing_an_unknown_runtime_raises():
    with pytest.raises(UsageError, match="contains no runtime zzz"):
        clear_runtimes("zzz")

"""The pytest plugin: fixtures `wasm_filter`, `wasm_proxy` and `wasm_snapshot`, the marker `wasm_backends`, `--wasm-update`.

    def test_adds_a_header(wasm_proxy):
        proxy = wasm_proxy("filter.py", config={"realm": "demo"})
        assert proxy.get("/").response.headers["x-hello"] == "from Python"

    @pytest.mark.wasm_backends("simulated", "envoy")     # without names: all of them
    def test_everywhere(wasm_proxy): ...

A test with the marker runs once on each backend: `simulated`; `native`, where the class runs in this Python, with
breakpoints and coverage; `envoy`, the real one. A backend that is not there skips its run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import UsageError, WasmnbError
from .assertions.frames import hide_our_frames
from .snapshots import SWITCH, assert_snapshot, snapshot

if TYPE_CHECKING:
    from ..compiler import Filter

__all__ = ["wasm_backend", "wasm_filter", "wasm_proxy", "wasm_snapshot"]

#: What a test can run on.
BACKENDS = ("simulated", "native", "envoy")

#: Settings of a plugin that `Proxy` takes for the one filter that it runs.
_OF_PLUGIN = ("config", "vm_config", "root_id", "vm_id", "failure_policy")

_MARKERS = (
    "wasm_backends(*names): run on each of these backends: simulated, native, envoy (all if none is named)",
    "envoy: starts the real Envoy",
)

#: Arguments of the simulated proxy that a real one has no use for.
_SIMULATED_ONLY = (
    "seed", "deadline", "memory_limit", "guest_time", "start_time", "trace_limit", "engine", "buffer_limit",
    "route_timeout", "idle_timeout", "request_timeout", "fuel", "show_locals",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--wasm-update`."""
    group = parser.getgroup("wasmnb", "Envoy filters")
    group.addoption("--wasm-update", action="store_true", help="write trace snapshots anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; hand the switch on to code that knows nothing of pytest."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("--wasm-update"):
        os.environ[SWITCH] = "1"
        config.add_cleanup(_switch_off)


def _switch_off() -> None:
    os.environ.pop(SWITCH, None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run for each backend that the marker names."""
    if "wasm_backend" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("wasm_backends")
    if marker is None:
        return
    names = marker.args or BACKENDS
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        pytest.fail(
            f"{metafunc.definition.nodeid}: There is no backend {unknown[0]!r}; there are {', '.join(BACKENDS)}.",
            pytrace=False,
        )
    runs = [pytest.param(n, marks=pytest.mark.envoy if n == "envoy" else ()) for n in names]
    metafunc.parametrize("wasm_backend", runs, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a test raises shows the test's lines, unless all frames are asked for."""
    try:
        return (yield)
    except Exception as error:
        if not item.config.getoption("fulltrace"):
            hide_our_frames(error)
        raise


@pytest.fixture(scope="module")
def wasm_backend(request: pytest.FixtureRequest) -> str:
    """What this run of the test uses: `simulated` unless the marker says otherwise."""
    return str(getattr(request, "param", "simulated"))


@pytest.fixture(scope="session")
def _wasm_filters() -> dict[Any, Any]:
    """Filters that were compiled in this session."""
    return {}


@pytest.fixture(scope="module")
def wasm_filter(
    request: pytest.FixtureRequest, wasm_backend: str, _wasm_filters: dict[Any, Any]
) -> Callable[..., Filter]:
    """Makes a filter from source, from the path of a `.py` or `.wasm`, or from a class; kept for the session.

    A path is looked for beside the test, in the folder where pytest was started, and in the project's root. A filter, or
    the running proxy of one, can be given as well. Source can import modules that lie beside the test.
    """
    folders = (request.path.parent, Path.cwd(), request.config.rootpath)

    def make(what: Any, name: str | None = None) -> Filter:
        __tracebackhide__ = True
        native = wasm_backend == "native"
        try:
            chosen = _locate(what, folders)
            if hasattr(chosen, "image") and not native:
                return chosen  # type: ignore[no-any-return]
            key = (chosen, name, native, _stamp(chosen))
            if key not in _wasm_filters:
                _wasm_filters[key] = (_run_natively if native else _compile)(chosen, name, folders[0])
        except WasmnbError as error:
            raise _explained(error, what).with_traceback(None) from None
        made: Filter = _wasm_filters[key]
        return made

    return make


def _explained(error: WasmnbError, what: Any) -> WasmnbError:
    """The error with the filter's line that is meant; without our frames, since pytest shows the test's own."""
    number = getattr(error, "lineno", None)
    try:
        lines = (what if isinstance(what, str) and "\n" in what else Path(error.filename).read_text()).splitlines()  # type: ignore[attr-defined]
    except (AttributeError, OSError, UnicodeDecodeError):
        return error
    if number and number <= len(lines):
        error.add_note(f"  {number} | {lines[number - 1]}")
    return error


def _locate(what: Any, folders: Sequence[Path]) -> Any:
    """A path as a Path, a running proxy as its filter; source, a class or a filter as it is."""
    plugins = getattr(what, "plugins", None)
    if plugins is not None:
        if len(plugins) != 1:
            raise UsageError(f"{what!r} has {len(plugins)} plugins: give one of its `plugins`, or a filter.")
        return plugins[0].filter
    is_source = isinstance(what, str) and ("\n" in what or not what.endswith((".py", ".wasm")))
    if is_source or not isinstance(what, str | os.PathLike):
        return what
    path = Path(what)
    found = next((folder / path for folder in folders if (folder / path).exists()), None)
    if found is None:
        places = ", ".join(dict.fromkeys(map(str, folders)))
        beside = [f.name for f in folders[0].iterdir() if f.suffix in (".py", ".wasm")]
        close = get_close_matches(path.name, beside, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(f"There is no filter {path}; looked in {places}.{hint}")
    return found


def _stamp(chosen: Any) -> Any:
    """What changes when a file does."""
    return chosen.stat().st_mtime_ns if isinstance(chosen, Path) and chosen.exists() else None


def _compile(chosen: Any, name: str | None, folder: Path) -> Any:
    from ..compiler import Filter

    if isinstance(chosen, Path):
        return Filter.from_file(chosen, name)
    if isinstance(chosen, type):
        return Filter.from_class(chosen, name, path=[folder])
    return Filter.from_source(chosen, name, path=[folder])


def _run_natively(chosen: Any, name: str | None, folder: Path) -> Any:
    from ..compiler import Filter

    foreign = chosen.suffix == ".wasm" if isinstance(chosen, Path) else getattr(chosen, "bundle", chosen) is None
    if foreign:
        pytest.skip("a module built elsewhere does not run natively")
    return Filter.native(chosen, name, path=[folder])


@pytest.fixture
def wasm_proxy(wasm_filter: Callable[..., Filter], wasm_backend: str) -> Iterator[Callable[..., Any]]:
    """Makes a proxy, simulated or real as the backend says, and closes it after the test.

    Takes a filter in any form that `wasm_filter` takes, a `Plugin`, or a list of these, and what `Proxy` takes; of one
    filter also its `kind`: `wasm_proxy("tcp.py", kind="network")`. What only the simulated proxy has (`seed`, `guest_time`,
    timeouts, ...) is left out for the real one.
    """
    opened: list[Any] = []

    def make(what: Any = None, *, workers: int = 1, kind: str | None = None, **options: Any) -> Any:
        __tracebackhide__ = True
        chain = (
            [_link(item, wasm_filter) for item in what] if isinstance(what, list | tuple) else _link(what, wasm_filter)
        )
        if kind is not None:
            chain = _plugin(chain, kind, options)
        proxy = (_real if wasm_backend == "envoy" else _simulated)(chain, workers, options)
        opened.append(proxy)
        return proxy

    yield make
    for proxy in reversed(opened):
        proxy.close()


def _link(item: Any, wasm_filter: Callable[..., Filter]) -> Any:
    __tracebackhide__ = True
    from ..host import Plugin

    if isinstance(item, Plugin):
        return replace(item, filter=wasm_filter(item.filter))
    return item if item is None else wasm_filter(item)


def _plugin(made: Any, kind: str, options: dict[str, Any]) -> Any:
    """One filter as a plugin of a kind, with its settings taken out of the options."""
    from ..host import Plugin

    if isinstance(made, list | Plugin):
        raise UsageError("kind= belongs to one filter; with plugins, say it in each Plugin(...).")
    return Plugin(made, kind=kind, **{name: options.pop(name) for name in _OF_PLUGIN if name in options})


def _simulated(chain: Any, workers: int, options: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    from ..host import Proxy

    return Proxy(chain, workers=workers, **options)


def _real(chain: Any, workers: int, options: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    from ..envoy import Envoy

    kept = {name: value for name, value in options.items() if name not in _SIMULATED_ONLY}
    try:
        return Envoy(chain, workers=workers, **kept)
    except UsageError as error:
        if "install" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture
def wasm_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compares a trace with the file `__snapshots__/<module>/<test>.txt` beside the test; takes what `snapshot` takes."""
    made: list[str] = []
    own = ".".join(part.name for part in request.node.listchain() if isinstance(part, pytest.Class | pytest.Item))
    folder = request.path.parent / "__snapshots__" / _module_name(request)

    def check(source: Any, name: str = "", **options: Any) -> None:
        __tracebackhide__ = True
        number = str(len(made) + 1) if made and not name else ""
        made.append(name)
        text = source if isinstance(source, str) else snapshot(source, **options)
        assert_snapshot(text, folder / f"{_file_name(own, name or number)}.txt")

    return check


def _module_name(request: pytest.FixtureRequest) -> str:
    """The test file's name; of a notebook its own, as far as its server tells: ipytest names the cells by chance."""
    if request.module.__name__ == "__main__":
        return Path(os.environ.get("JPY_SESSION_NAME", "notebook")).stem
    return request.path.stem


def _file_name(test: str, more: str) -> str:
    """What every file system takes: `test_it[a/b]` is `test_it-a_b`."""
    words = "-".join(filter(None, [test.replace("[", "-", 1).rstrip("]"), more]))
    return re.sub(r"[^\w.+=@ -]", "_", words, flags=re.ASCII)

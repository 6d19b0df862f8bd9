"""The pytest plugin with the fixtures `wasm_filter`, `wasm_proxy` and `wasm_snapshot`, and the marker `wasm_backends`::

    def test_adds_a_header(wasm_proxy):
        proxy = wasm_proxy("filter.py", config={"realm": "demo"})
        assert proxy.get("/").response.headers["x-hello"] == "from Python"

    @pytest.mark.wasm_backends("simulated", "envoy")     # without names: all of them
    def test_everywhere(wasm_proxy): ...

A test with the marker runs once on each backend: on the simulated proxy (`simulated`), on the simulated proxy with the filter
running in this Python, so that breakpoints and coverage work (`native`), and on the real Envoy (`envoy`). A run is skipped if
its backend isn't installed.

pytest loads this module in every session, so large modules are imported only inside the fixtures.
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
from .update_switch import SWITCH

if TYPE_CHECKING:
    from ..compiler import Filter

__all__ = ["wasm_backend", "wasm_filter", "wasm_proxy", "wasm_snapshot"]

#: Backends on which a test can run.
BACKENDS = ("simulated", "native", "envoy")

#: Settings of a plugin that `Proxy` accepts directly if it has a single filter.
_PLUGIN_SETTINGS = ("config", "vm_config", "root_id", "vm_id", "failure_policy")

_MARKERS = (
    "wasm_backends(*names): run on each of these backends: simulated, native, envoy (all if none is named)",
    "envoy: starts the real Envoy",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--wasm-update`."""
    group = parser.getgroup("wasmnb", "Envoy filters")
    group.addoption("--wasm-update", action="store_true", help="write trace snapshots instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and store `--wasm-update` in an environment variable for code that doesn't depend on pytest."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("--wasm-update"):
        os.environ[SWITCH] = "1"
        config.add_cleanup(_switch_off)


def _switch_off() -> None:
    os.environ.pop(SWITCH, None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test so that it runs once for each backend in its marker `wasm_backends`."""
    if "wasm_backend" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("wasm_backends")
    if marker is None:
        return
    names = marker.args or BACKENDS
    unknown = [name for name in names if name not in BACKENDS]
    if unknown:
        pytest.fail(
            f"{metafunc.definition.nodeid}: Unknown backend {unknown[0]!r}. Choose from {', '.join(BACKENDS)}.",
            pytrace=False,
        )
    runs = [pytest.param(n, marks=pytest.mark.envoy if n == "envoy" else ()) for n in names]
    metafunc.parametrize("wasm_backend", runs, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Remove wasmnb's frames from the traceback of a failed test, unless pytest runs with `--full-trace`."""
    try:
        return (yield)
    except Exception as error:
        if not item.config.getoption("fulltrace"):
            hide_our_frames(error)
        raise


@pytest.fixture(scope="module")
def wasm_backend(request: pytest.FixtureRequest) -> str:
    """Name of the backend on which the test runs. Without the marker `wasm_backends`, it is `simulated`."""
    return str(getattr(request, "param", "simulated"))


@pytest.fixture(scope="session")
def _wasm_filters() -> dict[Any, Any]:
    """Cache the filters compiled in this session."""
    return {}


@pytest.fixture(scope="module")
def wasm_filter(
    request: pytest.FixtureRequest, wasm_backend: str, _wasm_filters: dict[Any, Any]
) -> Callable[..., Filter]:
    """Return a function that compiles a filter and caches it for the session.

    Its first argument is source text, the path of a `.py` or `.wasm` file, a class, a filter, or a running proxy with one
    plugin. Its second argument is the filter's name (optional). Paths are searched in the test's folder, in the folder where
    pytest was started, and in the project's root. Source text can import modules from the test's folder.
    """
    folders = (request.path.parent, Path.cwd(), request.config.rootpath)

    def make(source: Any, name: str | None = None) -> Filter:
        __tracebackhide__ = True
        native = wasm_backend == "native"
        try:
            chosen = _locate(source, folders)
            if hasattr(chosen, "image") and not native:
                return chosen  # type: ignore[no-any-return]
            key = (chosen, name, native, _stamp(chosen))
            if key not in _wasm_filters:
                _wasm_filters[key] = (_run_natively if native else _compile)(chosen, name, folders[0])
        except WasmnbError as error:
            raise _with_source_line(error, source).with_traceback(None) from None
        compiled: Filter = _wasm_filters[key]
        return compiled

    return make


def _with_source_line(error: WasmnbError, source: Any) -> WasmnbError:
    """Add the filter's source line to an error as a note, because pytest shows only lines of the test."""
    number = getattr(error, "lineno", None)
    try:
        is_text = isinstance(source, str) and "\n" in source
        text = source if is_text else Path(error.filename).read_text()  # type: ignore[attr-defined]
        lines = text.splitlines()
    except (AttributeError, OSError, UnicodeDecodeError):
        return error
    if number and number <= len(lines):
        error.add_note(f"  {number} | {lines[number - 1]}")
    return error


def _locate(source: Any, folders: Sequence[Path]) -> Any:
    """Find the file of a relative path, or the filter of a running proxy. Other objects are returned unchanged."""
    plugins = getattr(source, "plugins", None)
    if plugins is not None:
        if len(plugins) != 1:
            raise UsageError(
                f"{source!r} has {len(plugins)} plugins. Pass one item of its attribute `plugins`, or a filter."
            )
        return plugins[0].filter
    is_source = isinstance(source, str) and ("\n" in source or not source.endswith((".py", ".wasm")))
    if is_source or not isinstance(source, str | os.PathLike):
        return source
    path = Path(source)
    existing = next((folder / path for folder in folders if (folder / path).exists()), None)
    if existing is None:
        searched = ", ".join(dict.fromkeys(map(str, folders)))
        filters = [f.name for f in folders[0].iterdir() if f.suffix in (".py", ".wasm")]
        close = get_close_matches(path.name, filters, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(f"Filter {path} was not found in {searched}.{hint or ' Check the path.'}")
    return existing


def _stamp(chosen: Any) -> Any:
    """Return a cache key for a filter. For a file, the key changes when the file changes."""
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
        pytest.skip("the filter is a module without Python source, which can't run natively")
    return Filter.native(chosen, name, path=[folder])


@pytest.fixture
def wasm_proxy(wasm_filter: Callable[..., Filter], wasm_backend: str) -> Iterator[Callable[..., Any]]:
    """Return a function that starts a proxy on the test's backend, and closes it after the test.

    Its first argument is a filter in any form that `wasm_filter` accepts, a `Plugin`, or a list of these. It also accepts the
    keyword arguments of `Proxy` and, for a single filter, `kind`, as in `wasm_proxy("tcp.py", kind="network")`. On the backend
    `envoy`, settings that only the simulated proxy has (`seed`, `guest_time`, `fuel`, ...) are ignored.
    """
    opened: list[Any] = []

    def make(source: Any = None, *, workers: int = 1, kind: str | None = None, **options: Any) -> Any:
        __tracebackhide__ = True
        chain = (
            [_link(item, wasm_filter) for item in source]
            if isinstance(source, list | tuple)
            else _link(source, wasm_filter)
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


def _plugin(filter_: Any, kind: str, options: dict[str, Any]) -> Any:
    """Create a plugin of a kind from a filter. The plugin's settings are removed from the options."""
    from ..host import Plugin

    if isinstance(filter_, list | Plugin):
        raise UsageError(
            "kind= was passed together with a Plugin or several filters. Pass it to each Plugin(...) instead."
        )
    return Plugin(filter_, kind=kind, **{name: options.pop(name) for name in _PLUGIN_SETTINGS if name in options})


def _simulated(chain: Any, workers: int, options: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    from ..host import Proxy

    return Proxy(chain, workers=workers, **options)


def _real(chain: Any, workers: int, options: dict[str, Any]) -> Any:
    __tracebackhide__ = True
    from ..envoy import Envoy
    from ..envoy.binary import EnvoyNotFoundError
    from ..host.settings import SimulationSettings

    simulated_only = {"engine", *SimulationSettings().arguments()}
    kept = {name: value for name, value in options.items() if name not in simulated_only}
    try:
        return Envoy(chain, workers=workers, **kept)
    except EnvoyNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def wasm_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that compares a trace with the file `__snapshots__/<module>/<test>.txt` in the test's folder.

    Its first argument is a proxy, an exchange or text. A test with several snapshots passes a name as the second argument. The
    function also accepts the options of `snapshot`.
    """
    from .snapshots import assert_snapshot, snapshot

    names: list[str] = []
    own = ".".join(part.name for part in request.node.listchain() if isinstance(part, pytest.Class | pytest.Item))
    folder = request.path.parent / "__snapshots__" / _module_name(request)

    def check(source: Any, name: str = "", **options: Any) -> None:
        __tracebackhide__ = True
        number = str(len(names) + 1) if names and not name else ""
        names.append(name)
        text = source if isinstance(source, str) else snapshot(source, **options)
        assert_snapshot(text, folder / f"{_file_name(own, name or number)}.txt")

    return check


def _module_name(request: pytest.FixtureRequest) -> str:
    """Return the name of the test file or, in a notebook whose server provides it, the notebook's name.

    The names of ipytest's files are random.
    """
    if request.module.__name__ == "__main__":
        return Path(os.environ.get("JPY_SESSION_NAME", "notebook")).stem
    return request.path.stem


def _file_name(test: str, suffix: str) -> str:
    """Convert the name of a test to a valid file name: `test_it[a/b]` becomes `test_it-a_b`."""
    name = "-".join(filter(None, [test.replace("[", "-", 1).rstrip("]"), suffix]))
    return re.sub(r"[^\w.+=@ -]", "_", name, flags=re.ASCII)

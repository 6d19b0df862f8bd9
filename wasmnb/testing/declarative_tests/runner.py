"""The function `run_declarative`, which runs a test file, or all test files in a folder.

The files are test suites of Google's Service Extensions (`tests.textpb`, `tests.yaml`) or fixtures of fastedge-test
(`*.test.json`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .errors import FixtureError
from .fastedge import is_fixture, read_fixture, run_fixture
from .readers.yaml_json import read_json
from .results import CaseResult, DeclarativeResult
from .service_extensions import SuiteRunner
from .suite import read_suite

__all__ = ["run_declarative"]

#: Patterns for the names of test files in a folder.
_PATTERNS = ("*test*.textpb", "*test*.textproto", "*tests*.yaml", "*tests*.yml", "*.test.json")


def run_declarative(
    path: str | os.PathLike[str], module: Any = None, *, config: Any = None, only: str | None = None
) -> DeclarativeResult:
    """Run a declarative test file, or all test files in a folder.

    Parameters
    ----------
    path
        A suite of Service Extensions in text format, YAML or JSON, a fixture of fastedge-test, or a folder of such files.
        In a folder, a malformed file counts as a failed test, and the other files still run.
    module
        The filter: a `Filter`, the path of a `.wasm` or `.py` file, or the bytes of a module (default None: the module named
        in the test file).
    config
        Plugin configuration as bytes, text, or a value for JSON (default None: the configuration in the test file).
    only
        Run only tests whose names contain this text (default None: all tests).

    Returns
    -------
    DeclarativeResult
        The result of each test, with the reasons for failures. Print it to read them.

    Raises
    ------
    FixtureError
        The file is malformed. The message contains the file, the line and the field.
    UsageError
        The file doesn't exist, or `module` is None and the file doesn't specify a module.
    ModuleError
        Envoy would refuse to load the module.
    """
    from ...host.plugins.plugin import to_config

    wasm_filter = _filter(module)
    data = None if config is None else to_config(config)
    location = Path(path)
    if not location.is_dir():
        return _run_file(location, wasm_filter, data, only)
    files = sorted({file for pattern in _PATTERNS for file in location.glob(pattern)})
    if not files:
        raise UsageError(f"{location} has no test files. Their names must match one of {', '.join(_PATTERNS)}.")
    return DeclarativeResult(
        str(location), "several", [case for file in files for case in _run_folder_file(file, wasm_filter, data, only)]
    )


def _run_folder_file(file: Path, module: Any, config: bytes | None, only: str | None) -> list[CaseResult]:
    try:
        cases = _run_file(file, module, config, only).cases
    except FixtureError as error:
        cases = [CaseResult(file.name, error.place.line, [str(error)])]
    for case in cases:
        case.file = file.name
    return cases


def _filter(module: Any) -> Any:
    from ...compiler import Filter

    if module is None or hasattr(module, "image"):
        return module
    if isinstance(module, bytes):
        return _from_bytes(module)
    return Filter.from_file(module)


def _from_bytes(module: bytes) -> Any:
    import tempfile

    from ...compiler import Filter

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "module.wasm"
        file.write_bytes(module)
        return Filter.from_file(file)


def _run_file(path: Path, module: Any, config: bytes | None, only: str | None) -> DeclarativeResult:
    if path.suffix.lower() == ".json":
        node = read_json(_read(path), str(path))
        if is_fixture(node):
            fixture = read_fixture(node, str(path))
            return DeclarativeResult(str(path), "fastedge-test", [run_fixture(fixture, path, module, config)])
    suite = read_suite(path)
    if only is not None:
        suite.test = [case for case in suite.test if only in case.name]
    return DeclarativeResult(str(path), "service-extensions", SuiteRunner(suite, path, module, config).run())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The test file {path} can't be read: {error.strerror}. Check the path.") from error

"""Tests use public names of wasmnb.

The check reads the text of each test file. It doesn't know types, so that it takes every `object._name` for a name of wasmnb, except
those of `OTHER_PACKAGES` and of the test's own `self` and `cls`. It doesn't find names that a program computes, private methods that
a test's class overrides, and names in the source of filters and in the programs that a test runs in another process.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

#: Modules whose names begin with an underscore, because users don't import them, and that tests of the architecture import.
SHARED_MODULES = frozenset({"wasmnb._hooks"})

#: Private names of other packages, for which they have no public name.
OTHER_PACKAGES = frozenset({
    "_getframe", "_exit", "_current_frames", "_is_protocol",  # sys, os, typing
    "_fields", "_replace", "_asdict",  # named tuples, whose methods begin with an underscore
    "_actions",  # argparse
    "_spawn_process", "_processes", "_broken",  # concurrent.futures
    "_assign_work_unit",  # pytest-xdist
    "_esm",  # anywidget
})  # fmt: skip

#: Files whose purpose is the inside of the package, with the reason.
EXEMPT = {
    "release/planted_faults.py": "it plants faults in single functions of the interpreter",
    "test_module_state.py": "it lists functions with caches",
}

#: Functions that get the name of an attribute as their second argument.
BY_NAME = frozenset({"getattr", "setattr", "delattr", "hasattr", "object"})

_MODULE_OR_NAME = re.compile(r"wasmnb(\.\w+)+")


def is_private(name: str) -> bool:
    """Return whether a name is private. Names such as `__init__` and `_repr_html_` are protocols of Python and Jupyter."""
    return name.startswith("_") and not name.endswith("_") and name not in OTHER_PACKAGES


def private_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each use of a private name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "wasmnb":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in names if _is_private_path(name))
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.startswith("wasmnb.") and _is_private_path(a.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and getattr(node.value, "id", "") not in ("self", "cls"):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and _called(node) in BY_NAME and len(node.args) > 1:
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and is_private(name.value):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE_OR_NAME.fullmatch(node.value):
            if _is_private_path(node.value):
                yield node.lineno, node.value


def _is_private_path(name: str) -> bool:
    return any(map(is_private, name.split("."))) and not any(f"{name}.".startswith(f"{module}.") for module in SHARED_MODULES)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_tests_use_public_names():
    uses = []
    for path in sorted(TESTS.rglob("*.py")):
        file = path.relative_to(TESTS).as_posix()
        if file not in EXEMPT:
            uses += [f"{file}:{line} {name}" for line, name in private_names(path.read_text(encoding="utf-8"))]
    assert uses == []


@pytest.mark.parametrize(
    "line",
    [
        "from wasmnb.host.clock import _nothing",
        "from wasmnb._scratch import remove_abandoned",
        "import wasmnb._display",
        "proxy._sender.send()",
        "del panel.state._proxy",
        "monkeypatch.setattr(places, '_folder', None)",
        "getattr(proxy, '_sender')",
        "mock.patch.object(Proxy, '_sender')",
        "monkeypatch.setattr('wasmnb.cli._run', None)",
    ],
)
def test_check_finds_every_form_of_private_name(line):
    assert len(list(private_names(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "from wasmnb._hooks import shows_panels",
        "from wasmnb.testing.__main__ import main",
        "proxy.__class__._repr_mimebundle_",
        "self._count += cls._step",
        "row._replace(name='x')",
        "text = 'wasmnb.host has _private names'",
    ],
)
def test_check_allows_own_names_and_protocols(line):
    assert list(private_names(line)) == []

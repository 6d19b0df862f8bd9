"""Fixture that imports modules with a given text."""

import importlib
import sys
import textwrap
from pathlib import Path

import pytest

from tests.compiler.from_class_kit import HEAD


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Function that imports a module with a given text, optionally with other files next to it."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(text, name="app", **others):
        for other, content in {name: HEAD + textwrap.dedent(text), **others}.items():
            path = tmp_path / f"{other.replace('__', '/').replace('/init', '/__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        importlib.invalidate_caches()
        return importlib.import_module(name.replace("__", "."))

    yield load
    for name, loaded in list(sys.modules.items()):
        if Path(getattr(loaded, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Write modules into a folder of the import path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write

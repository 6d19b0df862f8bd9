"""Imports of a source and their resolution."""

import ast

import pytest

from wasmnb.compiler.dependencies.imports import imported_modules, parse
from wasmnb.compiler.dependencies.resolver import resolve
from wasmnb.compiler.dependencies.filter_source import Part, Source
from wasmnb.errors import SourceError


def names(source):
    return [m.name for m in imported_modules(ast.parse(source))]


def resolved(source, **place):
    return resolve(Source((Part(source, **place),)))[1]


def test_imports_are_found_in_every_position():
    source = "import a\nif x:\n import b.c\ndef f():\n from d import e\nclass G:\n  import h\nlambda: __import__('i')\nimportlib.import_module('j.k')\n"
    assert names(source) == ["a", "b.c", "d", "h", "i", "j.k"]


def test_type_checking_imports_are_ignored():
    assert names("if TYPE_CHECKING:\n import a\nelse:\n import b\nif typing.TYPE_CHECKING: import c") == ["b"]


def test_import_in_try_is_optional():
    source = (
        "try:\n import a\nexcept ImportError:\n import b\nelse:\n import c\ntry:\n import d\nexcept ValueError: pass"
    )
    names = {m.name: m.optional for m in imported_modules(ast.parse(source))}
    assert names == {"a": True, "b": True, "c": False, "d": False}


def test_unparsable_source_still_shows_its_imports():
    tree = parse("import json\ndef f(:\n  from csv import reader\nimport a b\n")
    assert [(m.name, m.lineno) for m in imported_modules(tree)] == [("json", 1), ("csv", 3)]


@pytest.mark.parametrize("name", ["json", "os.path", "collections", "html", "email", "email.mime.text", "xml.dom.minidom", "zipfile", "encodings.cp037", "_thread", "urllib.parse as p"])
def test_preloaded_modules_have_no_requirements(name):
    assert resolved(f"import {name}").modules == frozenset()


def test_other_standard_modules_need_another_runtime():
    assert resolved("import asyncio\nfrom logging import handlers, Handler").modules == {"asyncio", "logging.handlers"}


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("import ssl", "can't import ssl", "http_call"),
        ("import multiprocessing.pool", "can't import multiprocessing", "processes"),
        ("from dbm import sqlite3", "can't import dbm", "shared_data"),
        ("import sqlite3", "can't import sqlite3", "shared_data"),
        ("from concurrent.futures import ThreadPoolExecutor", "can't use concurrent.futures", "gather()"),
        ("import concurrent.futures as cf", "can't use concurrent.futures", "gather()"),
        ("from concurrent import futures", "can't use concurrent.futures", "gather()"),
        ("import subprocess", "can't use subprocess", "processes"),
        ("from subprocess import run", "can't use subprocess", "processes"),
        ("import requests", "can't use requests", "self.http_call"),
        ("from requests.adapters import HTTPAdapter", "can't use requests", "self.http_call"),
        ("import httpx", "can't use httpx", "self.http_call"),
        ("from compression import zstd", "can't import compression.zstd", "_zstd"),
        ("import bz2", "can't import bz2", "C library"),
        ("import msvcrt", "can't import msvcrt", "Python 3.14, which runs the filters, doesn't include this module"),
        ("import cgi", "can't import cgi", "Python 3.14, which removed"),
        ("import nturl2path.x", "nturl2path.x doesn't exist", "spelling"),
        ("import json.nothing", "json.nothing doesn't exist", "spelling"),
        ("import no_such_package_at_all", "no package no_such_package_at_all", "%pip install no_such_package_at_all"),
        ("from . import x", "relative import", "Leave out the dots"),
        ("from wasmnb.host import Proxy", "can't import wasmnb.host", "only the SDK"),
    ],
)
def test_unsupported_import_is_reported_at_its_line(source, message, hint):
    with pytest.raises(SourceError, match=message) as caught:
        resolved(f"x = 1\nif x:\n    {source}\n", filename="cell", first_line=11)
    error = caught.value
    assert (error.filename, error.lineno, error.offset) == ("cell", 13, 5)
    assert hint in error.hint


def test_optional_import_is_not_an_error():
    assert resolved("try:\n import ssl, no_such_package_at_all\nexcept ImportError: ssl = None").modules == frozenset()


def test_sdk_is_available():
    for source in (
        "import wasmnb",
        "from wasmnb import HttpContext",
        "from wasmnb.sdk.http import *",
        "import wasmnb.abi",
    ):
        assert resolved(source).modules == frozenset()


# -- packages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def extension():
    from importlib.machinery import EXTENSION_SUFFIXES

    return EXTENSION_SUFFIXES[0]


def test_package_includes_files_and_dependencies(site):
    site(
        {
            "pure/__init__.py": "from .core import f\nimport helper",
            "pure/core.py": "import json\ndef f(): import lazy_one",
            "pure/data.txt": "x",
            "pure/tests/test_it.py": "import pytest",
            "pure/__pycache__/x.pyc": "",
            "helper.py": "",
            "lazy_one.py": "from lazy_two import x",
            "lazy_two/__init__.py": "try:\n import optional_one\nexcept ImportError: x = 1",
            "optional_one.py": "",
        }
    )
    packages = resolved("from pure import core, f")
    assert packages.modules == {"pure", "pure.core"}
    assert {p.name: [f[0] for f in p.files] for p in packages.packages} == {
        "helper": ["helper.py"],
        "lazy_one": ["lazy_one.py"],
        "lazy_two": ["lazy_two/__init__.py"],
        "pure": ["pure/__init__.py", "pure/core.py", "pure/data.txt"],
    }


def test_changed_package_changes_the_requirements(site):
    site({"pure/__init__.py": "x = 1"})
    before = resolved("import pure").digest()
    assert resolved("import pure").digest() == before
    site({"pure/__init__.py": "x = 22"})
    assert resolved("import pure").digest() != before


def test_compiled_packages_are_refused_before_the_build(site, extension):
    site(
        {
            f"native_one{extension}": "",
            "wrapper/__init__.py": "from . import core",
            "wrapper/core.py": "if True:\n from ._speed import x",
            f"wrapper/_speed{extension}": "",
            "through/__init__.py": "import wrapper",
            "secure/__init__.py": "import bz2",
            "deep/__init__.py": "",
            "deep/inner/__init__.py": "",
            "deep/inner/core.py": "from ..bindings import _rust",
            f"deep/bindings/_rust{extension}": "",
            "deep/bindings/__init__.py": "",
        }
    )
    for name, needs in (
        ("native_one", "is compiled"),
        ("wrapper", "wrapper._speed, which is"),
        ("through", "wrapper._speed"),
        ("deep.inner.core", "deep.bindings._rust, which is"),
    ):
        with pytest.raises(SourceError, match=needs) as caught:
            resolved(f"import {name}")
        assert "pure Python" in caught.value.hint
    with pytest.raises(SourceError, match="it needs deep.bindings._rust"):
        resolved("from deep.inner import core")
    assert resolved("import deep").modules == {"deep"}
    with pytest.raises(SourceError, match="it needs bz2"):
        resolved("import secure")


def test_optional_extension_module_of_a_package_is_left_out(site, extension):
    site({"fast/__init__.py": "try:\n from ._fast import f\nexcept ImportError:\n f = 1", f"fast/_fast{extension}": ""})
    (package,) = resolved("import fast").packages
    assert [f[0] for f in package.files] == ["fast/__init__.py"]


def test_mutually_dependent_packages_are_both_included(site):
    site({"ping/__init__.py": "import pong", "pong/__init__.py": "import ping"})
    assert [p.name for p in resolved("import ping").packages] == ["ping", "pong"]


def test_cryptography_is_refused_before_the_build_with_its_extension():
    with pytest.raises(SourceError, match=r"needs cryptography\.hazmat\.bindings\._rust, which is compiled") as caught:
        resolved("from cryptography.hazmat.primitives import hashes")
    assert "wasmnb.sdk.jwt" in caught.value.hint


def test_package_that_imports_ssl_gets_a_placeholder(site):
    site({"net/__init__.py": "from .client import C", "net/client.py": "from ssl import SSLContext\nclass C: pass"})
    assert resolved("import net").placeholders == ("ssl",)
    assert resolved("import json").placeholders == ()


def test_runtime_with_zoneinfo_contains_time_zones_and_their_packages():
    packages = resolved("from zoneinfo import ZoneInfo")
    assert [p.name for p in packages.packages] == ["tzdata"]
    assert {"zoneinfo", "tzdata.zoneinfo.Europe", "importlib.resources"} <= packages.modules


def test_time_zones_of_the_system_serve_without_tzdata(monkeypatch, tmp_path):
    from wasmnb.compiler.dependencies import reach

    real = reach.find_package
    monkeypatch.setattr(reach, "find_package", lambda name: None if name == "tzdata" else real(name))
    zone = tmp_path / "Europe" / "Berlin"
    zone.parent.mkdir()
    zone.write_bytes(b"TZif2rest")
    (tmp_path / "posix").mkdir()
    (tmp_path / "posix" / "UTC").write_bytes(b"TZif2")
    (tmp_path / "leapseconds").write_text("text")
    monkeypatch.setattr(reach.zoneinfo, "TZPATH", (str(tmp_path),))
    (package,) = resolved("import zoneinfo").packages
    assert [f[0] for f in package.files] == ["tzdata/zoneinfo/Europe/Berlin"]
    assert dict(package.generated)["tzdata/zones"] == "Europe/Berlin"
    monkeypatch.setattr(reach.zoneinfo, "TZPATH", ("/no/such/folder",))
    with pytest.raises(SourceError, match="no time zones") as caught:
        resolved("import zoneinfo")
    assert "pip install tzdata" in caught.value.hint


@pytest.mark.slow
def test_metadata_of_packages_and_of_named_distributions_is_included(site):
    site(
        {
            "meta/__init__.py": "from importlib.metadata import version\n__version__ = version('meta-dist')",
            "meta_dist-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: meta-dist\nVersion: 1.2\n\nLong text",
            "meta_dist-1.2.dist-info/top_level.txt": "meta\n",
            "meta_dist-1.2.dist-info/RECORD": "meta/__init__.py,,\n",
        }
    )
    (name, files), = resolved("import meta").distributions
    assert name == "meta-dist"
    assert dict(files)["METADATA"] == "Metadata-Version: 2.1\nName: meta-dist\nVersion: 1.2\n"
    named = resolved("from importlib import metadata\nv = metadata.version('pytest')").distributions
    assert [name for name, _ in named] == ["pytest"]
    assert resolved("import json").distributions == ()

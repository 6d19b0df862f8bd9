"""Comments and docstrings are left out of sources that are saved; everything else stays at its line."""

import ast

import pytest

from wasmnb.compiler.dependencies.filter_source import LocalModule, Part, Source
from wasmnb.compiler.dependencies.portable_names import portable_names, with_portable_names
from wasmnb.compiler.dependencies.stripping import strip_all

CASES = {
    "comment": ("x = 1  # secret\n# secret\ny = '#not'  # secret", "x = 1\n\ny = '#not'"),
    "docstring of a module": ('"""secret\n\n"""\nx = 1', "\n\n\nx = 1"),
    "docstring of a function": ('def f():\n    """secret"""\n    return 1', "def f():\n\n    return 1"),
    "only a docstring": ('class C:\n    """secret\n    """\n', "class C:\n    pass\n\n"),
    "on one line": ('def f(): "secret"; return 1', "def f(): pass; return 1"),
    "two strings only": ('class C:\n    "secret"\n    b"secret"\n', "class C:\n    pass\n\n"),
    "docstring of an attribute": ('x = 1\n"secret"\n', "x = 1\n\n"),
    "before a future import": ('"secret"; from __future__ import annotations', '""; from __future__ import annotations'),
    "in parentheses": ('def f():\n    ("secret"  # secret\n     "secret")\n    g()', "def f():\n\n\n    g()"),
    "other letters": ('é = "ä"  # secret\nclass É: "secret"', 'é = "ä"\nclass É: pass'),
    "other line breaks": ("x = 1  # secret\r\ny = 2\r", "x = 1\ny = 2\n"),
    "type comment": ("x = []  # type: list[str]", "x = []"),
    "in a string": ('x = f"{1}# no"  # secret\ny = """\n# no\n"""', 'x = f"{1}# no"\ny = """\n# no\n"""'),
}


@pytest.mark.parametrize("name", CASES)
def test_stripping_leaves_out_comments_and_keeps_lines(name):
    text, stripped = CASES[name]
    assert strip_all([text]) == [stripped]
    ast.parse(stripped)


@pytest.mark.parametrize("reader", ["print(F.__doc__)", "import inspect; inspect.getdoc(F)"])
def test_source_that_reads_docstrings_keeps_them_in_all_parts(reader):
    parts = ['class F:\n    "kept"  # secret', reader]
    assert strip_all(parts) == ['class F:\n    "kept"', reader]


def _source(*filenames, modules=()):
    return Source(tuple(Part("", name) for name in filenames), tuple(modules))


def test_portable_names_have_no_folders_and_no_numbers_of_runs():
    modules = [
        LocalModule("rules", "", "/home/ann/secret/rules/__init__.py", True),
        LocalModule("rules.limits", "", "/home/ann/secret/rules/limits.py"),
        LocalModule("space", "", "/home/ann/secret/space", True),
    ]
    names = portable_names(_source("/home/ann/secret/auth.py", "/other/auth.py", "<filter>", modules=modules))
    assert list(names.values()) == ["rules/__init__.py", "rules/limits.py", "space", "auth.py", "auth-2.py", "<filter>"]


@pytest.mark.parametrize("cells", [("Cell In[23]",), ("Cell In[3]", "Cell In[3]"), ("<ipython-input-23-0123abcd>",)])
def test_single_cell_has_a_name_without_its_number(cells):
    assert {part.filename for part in with_portable_names(_source(*cells), "auth").parts} == {"<auth cell>"}


def test_several_cells_are_numbered_in_the_order_in_which_they_run():
    source = with_portable_names(_source("Cell In[9]", "Cell In[4]", "Cell In[9]"), "auth")
    assert [part.filename for part in source.parts] == ["<auth cell 1>", "<auth cell 2>", "<auth cell 1>"]


@pytest.mark.parametrize(("name", "shown"), [
    ("/home/ann/auth", "auth"), ("a<b>\"c", "abc"), ("\ud800", "filter"), ("a\n\x1bb", "ab"), ("", "filter"), ("x" * 999, "x" * 80),
])
def test_cell_name_is_sanitised_if_the_filter_name_is_unusual(name, shown):
    (part,) = with_portable_names(_source("Cell In[9]"), name).parts
    assert part.filename == f"<{shown} cell>"


def test_names_that_contain_paths_lose_them():
    names = portable_names(_source("<wasmnb /home/ann/x>", "C:\\Users\\ann\\a.py", "/tmp/ipykernel_71/123.py"))
    assert not any("ann" in name or "ipykernel" in name for name in names.values())

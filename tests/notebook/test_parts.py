"""Filters in several cells and in normal cells, in a real IPython shell."""

import linecache
from unittest.mock import patch

import pytest
from IPython.core.error import UsageError as MagicUsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from wasmnb import Filter, Proxy
from wasmnb.errors import SourceError

WORDS = "def say(x):\n    return PREFIX + x\n"
PREFIX = "PREFIX = 'a'\n"
OWN = """\
class Said(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = say("b")
"""


@pytest.fixture(scope="module")
def ipython():
    """One shell for all tests, because making one takes longer than most of them."""
    config = Config()
    config.HistoryManager.enabled = False
    config.WasmMagics.workers = 1  # each worker loads the filter
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(ipython):
    """The shell as it begins: with the magics, without variables, parts and cells."""
    ipython.run_cell("%load_ext wasmnb")
    yield ipython
    for value in list(ipython.user_ns.values()):
        if isinstance(value, Proxy):
            value.close()
    ipython.run_cell("%unload_ext wasmnb")
    with patch("gc.collect"):  # IPython collects garbage here, which takes longer than most tests
        ipython.reset()


@pytest.fixture
def run(shell, monkeypatch):
    """Run a cell, optionally with a cell id. Return its value, or raise its exception."""

    def runner(text, cell=None):
        for module in ("filters", "parts"):
            monkeypatch.setattr(f"wasmnb.notebook.magics.{module}.cell_id", lambda _shell: cell)
        result = shell.run_cell(text, store_history=True)
        result.raise_error()
        return result.result

    return runner


def said(proxy):
    return proxy.get("/").upstream_request.headers["x-said"]


# -- %%wasmpart -------------------------------------------------------------------------------------------------------


def test_parts_run_before_the_own_cell(run):
    listed = run(f"%%wasmpart auth\n{WORDS}")
    assert "auth has 1 part besides its own cell. Build the filter with %%wasmfilter auth." in repr(listed)
    run(f"%%wasmpart auth\n{PREFIX}")
    assert said(run(f"%%wasmfilter auth -w 1\n{OWN}")) == "ab"


def test_filter_can_consist_of_parts_only(run):
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}", "one")
    run(f"%%wasmpart auth\n{OWN}", "two")
    assert said(run("%wasmfilter auth")) == "ab"


def test_rerun_part_replaces_itself_and_rebuilds_the_filter(run, shell):
    run(f"%%wasmpart auth\n{PREFIX}", "one")
    run(f"%%wasmpart auth\n{WORDS}", "two")
    before = run(f"%%wasmfilter auth --workers 2\n{OWN}", "own")
    note = run("%%wasmpart auth\nPREFIX = 'z'\n", "one")
    assert "The filter was rebuilt." in repr(note)
    after = shell.user_ns["auth"]
    assert after is not before and before.state == "closed"
    assert (said(after), len(after.workers)) == ("zb", 2)
    assert [k.cell for k in note] == ["one", "two"]


@pytest.mark.parametrize("fails_at_first", [False, True])
def test_part_without_a_cell_id_is_identified_by_its_names(run, fails_at_first):
    if fails_at_first:
        run("%%wasmpart auth\nPREFIX = = 1")
    run(f"%%wasmpart auth\n{PREFIX}")
    run(f"%%wasmpart auth\n{WORDS}")
    assert len(run("%%wasmpart auth\nPREFIX = 'q'")) == 2
    assert said(run(f"%%wasmfilter auth\n{OWN}")) == "qb"


def test_parts_are_listed_and_cleared(run):
    assert repr(run("%wasmpart auth")) == "auth has no parts."
    run(f"%%wasmpart auth\n{WORDS}", "one")
    assert repr(run("%wasmpart auth")).splitlines()[1].endswith(", 2 lines: say")
    assert repr(run("%wasmpart auth --clear")) == "auth has no parts."
    with pytest.raises(MagicUsageError, match="%%wasmfilter requires exactly one source"):
        run("%wasmfilter auth")


def test_parts_belong_to_one_filter(run):
    run("%%wasmpart other\n1 / 0")
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}")
    assert said(run(f"%%wasmfilter auth\n{OWN}")) == "ab"


def test_traceback_of_an_error_in_a_part_shows_its_cell(run, shell):
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}", "one")
    before = run(f"%%wasmfilter auth\n{OWN}", "own")
    with pytest.raises(SourceError) as caught:
        run("%%wasmpart auth\n\nPREFIX = 1 / 0\n", "one")
    error = caught.value
    assert error.lineno == 3
    assert linecache.getline(error.filename, error.lineno).strip() == "PREFIX = 1 / 0"
    assert shell.user_ns["auth"] is before and said(before) == "ab"


def test_traceback_shows_the_cells_of_the_parts(run):
    run("%%wasmpart auth\ndef say(x):\n    return {}[x]\n", "one")
    proxy = run(f"%%wasmfilter auth\n{OWN}", "own")
    proxy.get("/")
    text = "\n".join(line.text for line in proxy.log)
    assert "line 3, in say\n    return {}[x]" in text
    assert 'line 4, in on_http_request_headers\n    self.request_headers["x-said"] = say("b")' in text


def test_part_does_not_rebuild_a_proxy_of_another_cell(run, shell):
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}", "one")
    run(f"%%wasmfilter auth\n{OWN}", "own")
    shell.user_ns["auth"].close()
    other = shell.user_ns["auth"] = Proxy(Filter.from_source(OWN.replace('say("b")', "'other'")), workers=1)
    assert "Build the filter" in repr(run(f"%%wasmpart auth\n{PREFIX}", "one"))
    assert shell.user_ns["auth"] is other


@pytest.mark.parametrize(
    "line", ["%%wasmpart 1x\nx = 1", "%%wasmpart auth --clear\nx = 1", "%%wasmpart auth --no\nx = 1"]
)
def test_invalid_arguments_print_one_line(run, line):
    with pytest.raises(MagicUsageError):
        run(line)


def test_panel_stays_when_a_part_rebuilds_the_filter(run, shell):
    shell.magics_manager.registry["WasmMagics"].panel = "on"
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}", "one")
    before = run(f"%%wasmfilter auth\n{OWN}", "own").panel()
    run(f"%%wasmpart auth\n{PREFIX}\n\n{WORDS}", "one")
    assert shell.user_ns["auth"].panel() is before
    before.perform("restart", {"workers": 3})
    assert len(shell.user_ns["auth"].workers) == 3
    run(f"%%wasmpart auth\n{PREFIX}{WORDS}", "one")
    assert shell.user_ns["auth"].panel() is before
    assert len(shell.user_ns["auth"].workers) == 3


# -- local modules ----------------------------------------------------------------------------------------------------


def test_cell_imports_local_modules(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.py").write_text("def say(x): return x")
    cell = "%%wasmfilter auth\nfrom words import say\n" + OWN
    first = run(cell)
    assert said(first) == "b"
    (tmp_path / "words.py").write_text("def say(x): return x * 2")
    second = run(cell)
    assert said(second) == "bb"
    assert second.plugins[0].filter.bundle.modules[0].filename == "words.py"
    with pytest.raises(SourceError, match="no package wrods in this environment or in the folder of the filter") as caught:
        run(cell.replace("words", "wrods"))
    assert str(tmp_path) in caught.value.hint


# -- @wasmnb.filter in normal cells -----------------------------------------------------------------------------------

AUTH = """\
@wasmnb.filter
class Auth(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = say("b")
"""


@pytest.fixture
def cells(run):
    run("import wasmnb\nfrom wasmnb import HttpContext, Proxy")
    return run


def test_class_of_a_normal_cell_uses_names_of_earlier_cells(cells, shell):
    cells("PREFIX = 'a'")
    cells(WORDS)
    cells(AUTH)
    assert shell.user_ns["Auth"].name == "Auth"
    assert said(cells("auth = Proxy(Auth, workers=2); auth")) == "ab"


def test_helper_below_the_class_comes_from_the_same_cell(cells):
    cells("PREFIX = 'a'")
    cells(f"{AUTH}\n{WORDS}")
    assert said(cells("Proxy(Auth, workers=1)")) == "ab"
    cells(f"{AUTH}\n{WORDS.replace('PREFIX', 'PREFIX * 2')}")
    assert said(cells("Proxy(Auth, workers=1)")) == "aab"


def test_redefined_helper_is_used_after_a_rerun(cells):
    cells("PREFIX = 'a'")
    cells(WORDS)
    cells(AUTH)
    cells("PREFIX = 'z'")
    assert said(cells("Proxy(Auth, workers=1)")) == "ab"
    cells(AUTH)
    assert said(cells("Proxy(Auth, workers=1)")) == "zb"


def test_rerun_cells_come_before_their_users(cells):
    imports = "import re\nLIMIT = 2"
    helper = "def twice(f):\n    return f if LIMIT == 2 and again() else None\ndef again():\n    return True"
    base = (
        "class Base(HttpContext):\n    pattern = re.compile('a' * LIMIT)\n"
        "    @twice\n    def word(self):\n        return self.pattern.pattern\n"
    )
    auth = AUTH.replace("(HttpContext)", "(Base)").replace('say("b")', "self.word()")
    for cell in (imports, helper, base, auth, helper, imports, auth):
        cells(cell)
    assert said(cells("Proxy(Auth, workers=1)")) == "aa"


def test_undecorated_class_of_a_cell_can_be_compiled(cells):
    cells("PREFIX = 'a'\n" + WORDS + OWN)
    assert said(cells("Proxy(wasmnb.Filter.from_class(Said), workers=1)")) == "ab"


def test_traceback_names_the_cells(cells, shell):
    cells("def say(x):\n    return {}[x]\n")
    cells(AUTH)
    proxy = cells("proxy = Proxy(Auth, workers=1); proxy")
    proxy.get("/")
    text = "\n".join(line.text for line in proxy.log)
    assert "line 2, in say\n    return {}[x]" in text
    assert 'line 4, in on_http_request_headers\n    self.request_headers["x-said"] = say("b")' in text


def test_unsupported_value_is_an_error_at_its_line(cells):
    cells("import sys\nlog = sys.__stdout__")
    with pytest.raises(SourceError, match="Auth uses log, which holds an open file") as caught:
        cells(AUTH.replace('say("b")', "log.name"))
    assert caught.value.lineno == 4
    assert "log.name" in linecache.getline(caught.value.filename, 4)


def test_value_of_a_magic_is_included(cells):
    cells("%env WASMNB_SAID=yes\nvalues = !echo one")
    cells("values = list(values)")
    cells(AUTH.replace('say("b")', "values[0]"))
    assert said(cells("Proxy(Auth, workers=1)")) == "one"


def test_names_of_ipython_are_an_error(cells):
    with pytest.raises(SourceError, match="get_ipython"):
        cells(AUTH.replace('say("b")', "str(get_ipython())"))


def test_class_without_source_is_an_error(cells):
    with pytest.raises(SourceError, match="the source of class Auth can't be found") as caught:
        cells("%%time\n" + AUTH)
    assert "%%time" in caught.value.hint


def test_linecache_has_the_whole_cell_with_its_magic(run):
    with pytest.raises(SourceError) as caught:
        run("\n\n%%wasmfilter auth --workers 1\nx = 1 / 0")
    error = caught.value
    assert linecache.getline(error.filename, error.lineno).strip() == "x = 1 / 0"
    assert linecache.getline(error.filename, error.lineno - 1) == "%%wasmfilter auth --workers 1\n"


# -- %wasmfilter NAME, once it runs -----------------------------------------------------------------------------------


def test_line_magic_rebuilds_a_running_filter_and_reloads_its_modules(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wording.py").write_text("PREFIX = 'a'\n")
    run(f"%%wasmpart auth\nfrom wording import PREFIX\n{WORDS}")
    first = run(f"%%wasmfilter auth --workers 1 --config x\n{OWN}")
    (tmp_path / "wording.py").write_text("PREFIX = 'new-'\n")
    assert said(first) == "ab"
    second = run("%wasmfilter auth")
    assert (said(second), first.state, len(second.workers), second.plugins[0].config) == ("new-b", "closed", 1, b"x")
    third = run("%wasmfilter auth --native --workers 2 --seed 0")
    assert (said(third), third.plugins[0].filter.is_native, len(third.workers)) == ("new-b", True, 2)
    assert third.plugins[0].config == b"x"


def test_line_magic_without_a_filter_explains_how_to_build_one(run, shell):
    shell.user_ns["other"] = Proxy(Filter.from_source(f"def say(x): return x\n{OWN}"), workers=1)
    for name in ("nobody", "other"):
        with pytest.raises(MagicUsageError, match=r"Write the filter in its cell, in %%wasmpart cells, or pass --file"):
            run(f"%wasmfilter {name}")

"""Sources that run natively, errors and warnings about others, and properties of a native filter."""

import sys
import warnings

import pytest

from tests.compiler.native_mode.native_kit import PLAIN, native, said
from wasmnb import Filter, Proxy
from wasmnb.errors import ModuleError, NativeWarning, SourceError, UsageError
from wasmnb.view import to_text
from wasmnb.view.mimebundle import document_of


@pytest.mark.parametrize(
    "text",
    [
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e)\n        pass\n",
        "x = 1\nprint(nope)\nclass F(HttpContext): pass\n",
        "x = 1\n",
        "class F:\n    pass\n",
        "class F(HttpContext):\n    def on_request_headers(self, n, e): pass\n",
        "class F(HttpContext):\n    def on_http_request_headers(self): pass\n",
        "class F(HttpContext): pass\nclass G(HttpContext): pass\n",
        "import wasmnb.host\nclass F(HttpContext): pass\nraise ValueError(wasmnb)\n",
        "from wasmnb import Proxy\nclass F(HttpContext): pass\n",
        "shared_data['x'] = 1\nclass F(HttpContext): pass\n",
    ],
)
def test_source_errors_match_between_native_and_wasm(text):
    said = []
    for make in (Filter.from_source, Filter.native):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NativeWarning)
            with pytest.raises(SourceError) as caught:
                make(text, filename="Cell In[3]", first_line=2)
        error = caught.value
        said.append((str(error), error.filename, error.lineno, error.hint))
    wasm, natively = said
    if "wasmnb.host" in text:
        assert "ValueError" in natively[0]
    elif "on_http_request_headers(self, n, e)\n" in text:
        assert (
            natively[1:3] == wasm[1:3]
            and f"this Python {sys.version_info.major}.{sys.version_info.minor}" in natively[3]
        )
    elif "import Proxy" in text:
        assert natively[2] == wasm[2] and "cannot import name 'Proxy' from 'wasmnb'" in natively[0]
    else:
        assert natively == wasm


def test_missing_wasm_feature_is_reported_once_at_its_line():
    text = "import json\nimport sqlite3\nimport numpy\nfrom wasmnb.host import Proxy\n" + PLAIN.format(
        "open('/dev/null').close()"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filter_ = Filter.native(text, filename="Cell In[3]", first_line=10)
        with Proxy(filter_, workers=3) as proxy:
            for worker in (1, 2, 3):
                proxy.get("/", worker=worker)
    messages = {w.lineno: str(w.message) for w in caught if w.category is NativeWarning}
    assert len(caught) == 4 and {w.filename for w in caught} == {"Cell In[3]"}, [str(w) for w in caught]
    assert "can't import sqlite3" in messages[11] and "shared_data" in messages[11]
    assert "numpy" in messages[12] and "pure Python" in messages[12]
    assert "can't import wasmnb.host" in messages[13]
    assert "no files" in messages[16]


def test_optional_import_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        native("pass", "try:\n    import sqlite3\nexcept ImportError:\n    sqlite3 = None\n")


def test_only_python_source_runs_natively(tmp_path):
    (tmp_path / "m.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(UsageError, match="only Python source can run natively"):
        Filter.native(tmp_path / "m.wasm")
    with pytest.raises(UsageError, match="Can't read"):
        Filter.native(tmp_path / "none.py")
    with pytest.raises(UsageError, match="can't run natively"):
        Filter.native(5)
    with pytest.raises((UsageError, ModuleError)):
        Filter.native(Filter.from_bytes(b"\0asm\1\0\0\0"))


# -- what it is


def test_native_filter_reports_that_it_is_native():
    mine = native("pass", name="mine")
    assert mine.is_native and repr(mine) == "<Filter 'mine' from <filter>, native>"
    assert mine.info.native and mine.info.as_dict()["size"] == 0
    text = to_text(document_of(mine))
    assert "native · Proxy-Wasm ABI 0.2.1" in text and "runs in    Python" in text
    with Proxy(mine, workers=1) as proxy:
        assert "VM4 worker VMContext  runs native" in to_text(document_of(proxy))


def test_native_filter_compiles_to_the_same_module():
    text = PLAIN.format("pass")
    filter_ = Filter.native(text, filename="Cell In[1]", first_line=3)
    assert filter_.wasm == Filter.from_source(text, filename="Cell In[1]", first_line=3).wasm


def test_compiled_filter_can_run_natively(tmp_path):
    (tmp_path / "helper.py").write_text("who = 'helper'\n")
    (tmp_path / "mine.py").write_text("from helper import who\n" + PLAIN.format("print(who)"))
    for source in (Filter.from_file(tmp_path / "mine.py"), tmp_path / "mine.py"):
        filter_ = Filter.native(source)
        assert filter_.name == "mine" and said(filter_) == ["helper"]

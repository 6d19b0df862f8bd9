"""Saved modules: nothing of this machine or notebook is in them, and comments only if they are asked for."""

import os
from pathlib import Path

import pytest

from tests.compiler.compiler_kit import source_filter
from wasmnb import Filter, Proxy

SECRET = "hunter2"
HELPER = f'''"""The password was {SECRET} once."""
LIMIT = 3  # {SECRET}
'''
SOURCE = f'''"""Docstring with {SECRET}."""
from helper import LIMIT

class F(HttpContext):
    """{SECRET}"""

    def on_http_request_headers(self, num_headers, end_of_stream):
        # {SECRET}
        return {{}}["missing"]  # {SECRET}
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home_of_ann")
    (folder / "helper.py").write_text(HELPER)
    (folder / "auth.py").write_text(SOURCE)
    return folder


def run(wasm):
    """Run a module in one worker. Return its traceback, and the bytes of its file and of its memory after a request."""
    with Proxy(Filter.from_bytes(wasm), workers=1) as proxy:
        proxy.get("/")
        vm = proxy.workers[0].plugins[0].root.vm
        memory = vm.instance.memory.read(0, vm.memory_size)
        trace = next(line.text for line in proxy.log if "Traceback" in line.text)
    return trace, wasm + memory


@pytest.fixture(scope="module")
def saved(folder):
    """The traceback and content of each form."""
    filter_ = Filter.from_file(folder / "auth.py")
    forms = {
        "release": filter_.to_bytes(),
        "full": filter_.to_bytes(debug=True),
        "full, stripped": filter_.to_bytes(debug=True, strip=True),
    }
    return {name: run(wasm) for name, wasm in forms.items()}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["release", "full", "full, stripped"])
def test_saved_module_contains_no_name_of_a_folder_and_leads_to_the_line(saved, folder, form):
    trace, content = saved[form]
    assert 'File "auth.py", line 9, in on_http_request_headers' in trace
    assert 'return {}["missing"]' in trace
    content = content.replace(b"/root/.cargo/", b"")  # names of the machine that componentize-py was built on
    cache, home = str(Path(os.environ.get("WASMNB_CACHE", "~/.cache")).expanduser()), str(Path.home())
    for name in (str(folder), "home_of_ann", cache, f"{home}/", str(Path.cwd()), "/dev/shm", "component.wasm"):
        assert name.encode() not in content, name


@pytest.mark.slow
@pytest.mark.parametrize(("form", "is_there"), [("release", False), ("full", True), ("full, stripped", False)])
def test_comments_and_docstrings_are_in_a_saved_module_only_if_they_are_kept(saved, form, is_there):
    assert (SECRET.encode() in saved[form][1]) is is_there


@pytest.mark.slow
def test_running_a_cell_again_saves_the_same_bytes_and_keeps_its_own_names():
    source = SOURCE.replace("from helper import LIMIT", "")
    first, second = (Filter.from_source(source, filename=f"Cell In[{n}]", first_line=2) for n in (3, 23))
    assert first.wasm == second.wasm
    assert first.release().wasm == second.release().wasm
    with Proxy(second, workers=1) as proxy:
        proxy.get("/")
        assert any('File "Cell In[23]", line 10, in on_http' in line.text for line in proxy.log)


def test_source_with_newer_syntax_than_this_python_is_stripped():
    source = SOURCE.replace("from helper import LIMIT", 'type Pair = tuple[int, int]  # PEP 695\nQUOTED = f"{"#"}"')
    stripped = source_filter(source).portable(strip=True).source.text
    assert SECRET not in stripped
    assert 'QUOTED = f"{"#"}"' in stripped
    assert len(stripped.splitlines()) == len(source.splitlines())

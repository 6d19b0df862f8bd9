"""Names of the package: names of the SDK are defined only in the SDK, but available at run time, in star imports and to type checkers."""

import subprocess
import sys

import pytest

import wasmnb
from wasmnb import sdk


def test_package_has_every_name_of_the_sdk():
    assert set(sdk.names()) < set(wasmnb.__all__) < set(dir(wasmnb))
    assert all(getattr(wasmnb, name) is value for name, value in sdk.names().items())


def test_star_import_does_not_replace_the_builtin_filter():
    space = {}
    exec("from wasmnb import *", space)
    assert {"HttpContext", "Filter", "Proxy", "load"} < space.keys()
    assert "filter" not in space


@pytest.mark.parametrize("name", ["nothing", "names", "__wrapped__"])
def test_unknown_name_raises_attribute_error(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(wasmnb, name)


def test_importing_the_package_imports_only_the_hooks():
    program = "import sys, wasmnb; print([m for m in sys.modules if m.startswith('wasmnb.')])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "['wasmnb._hooks']\n"


@pytest.mark.slow
def test_type_checkers_know_the_names(tmp_path):
    (tmp_path / "user.py").write_text(
        "import wasmnb\nfrom wasmnb import Filter, HttpContext, Proxy, load\nx: int = wasmnb.HttpContext()\n"
        "class Mine(HttpContext): ...\ny: str = Proxy(wasmnb.filter(Mine), workers=1)\nz: int = load\nw: str = Filter.from_bytes(b'')\n"
    )
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "user.py"], cwd=tmp_path, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if "error" in line]
    assert [line.split(":")[1] for line in lines[:4]] == ["3", "5", "6", "7"]
    assert all("Incompatible types in assignment" in line for line in lines[:4])

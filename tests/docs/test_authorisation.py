"""The claims of README and docs/authorisation.md about the two authorisation filters are true."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.example_cases import service
from tests.gallery_costs import code_lines
from wasmnb import Filter, Proxy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "authorisation.md").read_text()


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


def lines_of_code(text, comment):
    return sum(bool(line.strip()) and not line.strip().startswith(comment) for line in text.splitlines())


def test_page_has_the_right_numbers_of_lines():
    python, go = lines_of_code(block("python"), "#"), lines_of_code(block("go"), "//")
    assert python <= 12
    rows = re.findall(r"^\| (?:Python|Go)[^|]*\| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert rows == [(str(python), str(block("python").count("def "))), (str(go), str(block("go").count("\nfunc ") - 1))]
    assert f"{python} lines" in (ROOT / "README.md").read_text() and f"{go} in Go" in (ROOT / "README.md").read_text()


def test_python_version_asks_the_service():
    options = {"workers": 1, "config": {"cluster": "auth", "path": "/check"}, "clusters": {"auth": service}}
    with Proxy(Filter.from_source(block("python")), **options) as proxy:
        good = proxy.get("/", {"authorization": "Bearer good"})
        assert good.response.status == 200 and good.upstream_request.headers["x-user"] == "ann"
        assert proxy.get("/").response.status == 403
        proxy.clusters["auth"].alive = False
        assert proxy.get("/").response.status == 503


def test_example_has_the_number_of_lines_of_the_page():
    lines = code_lines((ROOT / "examples" / "auth_await.py").read_text())
    assert f"plugin starts: {lines} lines" in PAGE.replace("\n", " ")


def test_go_version_is_formatted():
    gofmt = _gofmt()
    if gofmt is None:
        pytest.skip("gofmt is missing")
    done = subprocess.run([gofmt, "-d"], input=block("go"), capture_output=True, text=True, check=True)
    assert done.stdout == ""


def _gofmt():
    try:
        import go
    except ImportError:
        return shutil.which("gofmt")
    return Path(go.__file__).parent / "bin" / "gofmt"

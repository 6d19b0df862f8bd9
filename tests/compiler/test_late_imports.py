"""Modules that Python or a package imports at first use work in a filter, which has no file system to import from."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.host import Proxy


def log_of(source, body):
    """Run lines in a filter's callback and return its log."""
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    text = f"{source}\nclass F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n{lines}\n"
    with Proxy(Filter.from_source(text)) as proxy:
        return [line.text for line in proxy.get("/").log]


STANDARD = {
    "import datetime as d": ("print(d.datetime.strptime('2026-11-29 08:00', '%Y-%m-%d %H:%M'))", "2026-11-29 08:00:00"),
    "import time": ("print(time.strptime('2026', '%Y').tm_year)", "2026"),
    "import ast": ("print(ast.unparse(ast.parse('a+b')))", "a + b"),
    "import xml.etree.ElementTree as E": ("print(E.fromstring('<a>x</a>').text)", "x"),
    "import html.entities": ("print(len(str(7 ** 5000)))", "4226"),
    "from array import array": ("print(isinstance(int('7' * 3000), int))", "True"),
    "import calendar": ("print(calendar.month(2026, 2).splitlines()[0].strip())", "February 2026"),
}


@pytest.mark.parametrize("source", STANDARD)
def test_standard_module_that_imports_later_works(source):
    line, expected = STANDARD[source]
    assert log_of(source, line) == [expected]


CODECS = ["windows-1251", "cp866", "koi8-r", "iso-8859-5", "mac_cyrillic", "shift_jis", "euc-kr", "gb18030", "big5", "utf-7",
          "utf-32", "cp037"]  # fmt: skip


def test_codecs_named_by_a_request_work():
    """The names are known at the request only."""
    lines = f"for name in {CODECS!r}:\n    print(name, 'abc'.encode(name).decode(name))\ntry:\n    b'x'.decode('nonsense')\nexcept LookupError as error:\n    print(error)"
    assert log_of("", lines) == [*(f"{name} abc" for name in CODECS), "unknown encoding: nonsense"]


ZONES = """
zone = ZoneInfo("Europe/" + "Berlin")
print(datetime(2026, 7, 1, 12, tzinfo=zone).isoformat())
try:
    ZoneInfo("Europe/Nowhere")
except Exception as error:
    print(type(error).__name__)
print(len(zoneinfo.available_timezones()) > 400)
"""


@pytest.mark.slow
def test_package_finds_its_late_modules_its_data_and_its_metadata_and_time_zones_are_found(site):
    """Both in one runtime, because its build takes long."""
    site(
        {
            "latepack/__init__.py": (
                "import importlib.metadata, importlib.resources, pkgutil\nfrom ssl import SSLContext\n"
                "def late():\n    from . import inner\n    return inner.value()\n"
                "def data():\n    return importlib.resources.files(__package__).joinpath('data', 'x.txt').read_text()\n"
                "def raw(): return pkgutil.get_data(__package__, 'data/x.txt')\n"
                "def names(): return sorted(p.name for p in importlib.resources.files(__package__).joinpath('data').iterdir())\n"
                "def version(): return importlib.metadata.version('late-pack')\n"
            ),
            "latepack/inner.py": "def value():\n    from plistlib import dumps\n    import sched\n    return len(dumps({})) > 0\n",
            "latepack/data/x.txt": "data of a package",
            "late_pack-3.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: late-pack\nVersion: 3.1\n",
            "late_pack-3.1.dist-info/top_level.txt": "latepack\n",
        }
    )
    lines = """
print(latepack.late(), latepack.version())
print(latepack.data(), latepack.raw(), latepack.names())
try:
    latepack.SSLContext()
except NotImplementedError as error:
    print(error)
"""
    source = "import latepack, zoneinfo\nfrom datetime import datetime\nfrom zoneinfo import ZoneInfo"
    assert log_of(source, lines + ZONES) == [
        "True 3.1",
        "data of a package b'data of a package' ['x.txt']",
        "ssl.SSLContext can't be used in a filter. The proxy does TLS. Use self.http_call(cluster, ...) to call another service.",
        "2026-07-01T12:00:00+02:00",
        "ZoneInfoNotFoundError",
        "True",
    ]

"""Modules of the standard library that a runtime has as packed code: each can be imported, lines of tracebacks stay."""

import json

import pytest

from tests.compiler.compiler_kit import texts
from wasmnb import Envoy, Filter, Proxy
from wasmnb.compiler.dependencies.stdlib import ARCHIVED, DEFERRED, PRELOADED

IMPORTS = f"""
import importlib, json, sys

NAMES = {sorted({*ARCHIVED, *PRELOADED})!r}

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        failed = {{}}
        for name in NAMES:
            try:
                importlib.import_module(name)
            except BaseException as error:
                failed[name] = repr(error)
        self.request_headers["x-failed"] = json.dumps(failed)
"""

USES = """
import decimal, statistics
from email.message import EmailMessage
from email import message_from_string, policy
from xml.dom import minidom
import csv, io, zipfile, gzip, configparser, datetime

def used():
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("hello")
    subject = message_from_string(message.as_string(), policy=policy.default)["subject"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "packed")
    return [
        subject, minidom.parseString("<a b='1'/>").documentElement.getAttribute("b"), str(decimal.Decimal("0.1") + 1),
        statistics.median([1, 5, 2]), next(csv.reader(["a,b"])), zipfile.ZipFile(archive).read("a.txt").decode(),
        gzip.decompress(gzip.compress(b"x")).decode(), datetime.datetime.strptime("2026-11-29", "%Y-%m-%d").year,
        b"\\xc1".decode("cp037"), "é".encode("cp850").hex(), "日".encode("shift_jis").hex(),
    ]

EXPECTED = ["Grüße", "1", "1.1", 2, ["a", "b"], "packed", "x", 2026, "A", "82", "93fa"]

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-value"] = str(used() == EXPECTED)
"""

FAILS = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        import configparser
        configparser.ConfigParser().read_string("no section = 1")
"""


def test_all_modules_of_the_archive_can_be_imported_in_a_callback():
    with Proxy(Filter.from_source(IMPORTS), workers=1, deadline=60) as proxy:
        assert json.loads(proxy.get("/").upstream_request.headers["x-failed"]) == {}


@pytest.mark.parametrize("release", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_archived_modules_work(release):
    compressed = Filter.from_source(USES)
    assert compressed.info.modules == ()
    with Proxy(compressed.release() if release else compressed, workers=1) as proxy:
        assert proxy.get("/").upstream_request.headers["x-value"] == "True"


@pytest.mark.envoy
@pytest.mark.slow
def test_archived_modules_work_in_envoy():
    with Envoy(Filter.from_source(USES), workers=1) as envoy:
        assert envoy.get("/").upstream_request.headers["x-value"] == "True"


def test_deferred_modules_are_loaded_by_their_first_use():
    source = f"""
import sys
DEFERRED = {DEFERRED!r}
print(*(type(sys.modules[name]).__name__ for name in DEFERRED))
import ast, difflib, dis, inspect, tokenize
print(hasattr(dis, "__path__"), type(dis).__name__)
difflib.added = 1
print(difflib.added, difflib.get_close_matches("appel", ["apple"]))
print("stack_effect" in dir(dis), inspect.signature(print).parameters["sep"].default == " ")
from ipaddress import *
print(ip_address("::1").is_loopback, len(tokenize.tok_name) > 10, ast.literal_eval("[1]"))
print(*(type(sys.modules[name]).__name__ for name in DEFERRED))
"""
    assert texts(source) == [
        " ".join(["Deferred"] * len(DEFERRED)),
        "False Deferred",
        "1 ['apple']",
        "True True",
        "True True [1]",
        " ".join(["module"] * len(DEFERRED)),
    ]


def test_range_outside_of_the_archive_is_refused():
    source = """
import sys
read = next(finder for finder in sys.meta_path if type(finder).__name__ == "_Archive")._read
size = len(read(0, 4))
for place in ((1 << 31, 4), (0, 1 << 31), ((1 << 32) - 1, 8)):
    try:
        read(*place)
    except TypeError:
        print("refused")
print(size)
"""
    assert texts(source) == ["refused", "refused", "refused", "4"]


def test_tracebacks_have_lines_in_the_standard_library():
    with Proxy(Filter.from_source(FAILS, filename="fails.py"), workers=1) as proxy:
        traceback = proxy.get("/").traceback
    assert 'File "fails.py", line 5' in traceback
    (line,) = [text for text in traceback.splitlines() if "configparser.py" in text and "in read_string" in text]
    assert int(line.split("line ")[1].split(",")[0]) > 100
    assert "MissingSectionHeaderError" in traceback

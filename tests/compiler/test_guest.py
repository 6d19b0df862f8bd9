"""The environment of a filter: standard library, output to the log, time, randomness, environment variables."""

import re
import time

import pytest

from tests.compiler.compiler_kit import STREAM, said, texts
from wasmnb.abi import HOSTCALLS, AbiVersion, hostcalls_for
from wasmnb.compiler import Filter
from wasmnb.compiler.dependencies.stdlib import ABSENT, PRELOADED, PRESENT
from wasmnb.engine import default_engine
from wasmnb.host import Proxy


def test_every_module_listed_as_present_is_importable():
    lines = texts(f"import importlib\nfor n in {sorted(PRESENT)!r}:\n  importlib.import_module(n)\nprint('all')")
    assert lines == ["all"]


def test_absent_modules_are_not_preloaded():
    assert not ABSENT.keys() & {name.partition(".")[0] for name in PRELOADED}


WORK = {
    "json": "json.loads(json.dumps({'a': [1, 2.5, None, 'ü']}))['a'][3] == 'ü'",
    "re": "re.sub(r'(?P<x>\\w+)@(\\w+)', r'\\2 at \\g<x>', 'ann@home') == 'home at ann'",
    "datetime": "str(datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc) + datetime.timedelta(days=1)) == '2024-03-01 00:00:00+00:00'",
    "base64": "base64.urlsafe_b64decode(base64.urlsafe_b64encode(b'\\xff\\xfe')) == b'\\xff\\xfe'",
    "hashlib": "hashlib.sha256(b'abc').hexdigest()[:8] == 'ba7816bf' and hashlib.md5(b'').hexdigest()[:4] == 'd41d' and hashlib.blake2b(b'').hexdigest()[:4] == '786a'",
    "hmac": "hmac.new(b'k', b'm', 'sha256').hexdigest()[:6] == 'a0c8cf' or hmac.compare_digest(b'a', b'a')",
    "uuid": "uuid.uuid4().version == 4 and uuid.uuid5(uuid.NAMESPACE_DNS, 'x').version == 5",
    "urllib.parse": "urllib.parse.parse_qs('a=1&a=2') == {'a': ['1', '2']} and urllib.parse.quote('ä/') == '%C3%A4/'",
    "html": "html.unescape('&lt;&eacute;') == '<é' and html.escape('<') == '&lt;'",
    "collections": "collections.Counter('aab').most_common(1) == [('a', 2)]",
    "dataclasses": "dataclasses.asdict(dataclasses.make_dataclass('P', [('x', int)])(3)) == {'x': 3}",
    "enum": "enum.Flag('C', 'A B').A.value == 1",
    "math": "math.isclose(math.sqrt(2) ** 2, 2)",
    "random": "0 <= random.random() < 1 and random.choice([7]) == 7",
    "statistics": "statistics.median([1, 9, 2]) == 2",
    "string": "string.Template('$a').substitute(a=1) == '1'",
    "textwrap": "textwrap.dedent('  a') == 'a'",
    "itertools": "list(itertools.batched('abc', 2)) == [('a', 'b'), ('c',)]",
    "functools": "functools.reduce(lambda a, b: a + b, [1, 2, 3]) == 6",
    "struct": "struct.unpack('<IH', struct.pack('<IH', 1, 2)) == (1, 2)",
    "zlib": "zlib.decompress(zlib.compress(b'a' * 1000)) == b'a' * 1000",
    "ipaddress": "ipaddress.ip_address('10.0.0.1') in ipaddress.ip_network('10.0.0.0/8')",
    "decimal": "str(decimal.Decimal('0.1') + decimal.Decimal('0.2')) == '0.3'",
    "fractions": "fractions.Fraction(1, 3) + fractions.Fraction(1, 6) == fractions.Fraction(1, 2)",
    "secrets": "len(secrets.token_hex(8)) == 16",
    "tomllib": "tomllib.loads('a = 1') == {'a': 1}",
    "csv": "next(csv.reader(['a,\"b,c\"'])) == ['a', 'b,c']",
    "pickle": "pickle.loads(pickle.dumps({1: 2})) == {1: 2}",
    "xml.etree.ElementTree": "xml.etree.ElementTree.tostring(xml.etree.ElementTree.fromstring('<a b=\"1\"/>')) == b'<a b=\"1\" />'",
    "http.cookies": "http.cookies.SimpleCookie('a=b')['a'].value == 'b'",
    "unicodedata": "unicodedata.normalize('NFC', 'e\\u0301') == 'é'",
    "typing": "typing.get_type_hints(type('T', (), {'__annotations__': {'x': int}})) == {'x': int}",
    "heapq": "heapq.nsmallest(1, [3, 1]) == [1]",
    "difflib": "difflib.get_close_matches('appel', ['apple']) == ['apple']",
    "codecs": "'é'.encode('latin-1') + 'x'.encode('ascii') == b'\\xe9x' and 'bücher'.encode('idna') == b'xn--bcher-kva'",
    "ast": "ast.literal_eval('[1]') == [1]",
    "inspect": "str(inspect.signature(lambda a, b=1: 0)) == '(a, b=1)'",
}


def test_standard_library_works():
    checks = "\n".join(f"import {name}\nprint({name!r}, {check})" for name, check in WORK.items())
    assert [line for line in texts(checks) if not line.endswith(" True")] == []


def test_each_printed_line_is_one_log_line():
    lines = said(
        "print('a', 'b')\nprint('c\\nd')\nprint('e', end='')\nprint('f')\nimport sys\nprint('g', file=sys.stderr)"
    )
    assert lines == [(2, "a b"), (2, "c"), (2, "d"), (2, "ef"), (4, "g")]


def test_c_output_reaches_the_log():
    lines = said("import os\nos.write(1, b'one\\ntw')\nos.write(1, b'o\\n')\nos.write(2, b'x' * 9000 + b'\\n')")
    assert lines[:2] == [(2, "one"), (2, "two")]
    assert [(level, len(text)) for level, text in lines[2:]] == [(4, 8192), (4, 808)]


def test_logging_module_writes_to_the_proxy_log():
    assert said("import logging\nlogging.warning('careful %s', 1)\nlogging.getLogger('x').debug('d')") == [
        (3, "careful 1"), (1, "d"),
    ]  # fmt: skip


def test_every_vm_has_its_own_random_numbers():
    source = "import random, uuid, os, secrets\nprint(random.random(), uuid.uuid4(), os.urandom(4).hex(), secrets.token_hex(4))"
    assert len({word for _ in range(3) for word in texts(source)[0].split()}) == 12


def test_large_random_requests_are_split():
    assert texts("import os\nx = os.urandom(200_000)\nprint(len(x), len(set(x)))") == ["200000 256"]


def test_clocks_come_from_the_host():
    (line,) = texts("import time\na = time.monotonic()\nb = time.perf_counter()\nprint(time.time(), b >= a)")
    now, later = line.split()
    assert abs(float(now) - time.time()) < 60
    assert later == "True"


def test_sleeping_filter_blocks_its_worker():
    (line,) = texts("import time\na = time.monotonic()\ntime.sleep(0.05)\nprint(time.monotonic() - a)")
    assert float(line) >= 0.05


def test_files_sockets_and_threads_are_unavailable():
    source = """
import threading, os
def tried(what):
    try:
        what()
    except Exception as error:
        print(type(error).__name__)
tried(lambda: open("/etc/passwd"))
tried(lambda: os.listdir("/"))
tried(lambda: threading.Thread(target=print).start())
tried(lambda: os.system("ls"))
"""
    assert texts(source) == ["FileNotFoundError", "FileNotFoundError", "UnsupportedFeatureError", "AttributeError"]


def test_environment_of_the_build_is_not_in_the_module():
    assert texts("import os\nprint(dict(os.environ))") == ["{}"]


def test_filter_docstrings_are_kept():
    assert texts('def f():\n    "said"\nprint(f.__doc__)') == ["said"]


@pytest.mark.slow
def test_long_source_runs_completely():
    source = "\n".join(f"x{i} = {i}" for i in range(20_000)) + "\nprint(x19999, __file__)"
    assert texts(source) == ["19999 <filter>"]


DEEP = {
    "json.loads": "json.loads('[' * n + ']' * n)",
    "json objects": "json.loads('{\"a\":' * n + '1' + '}' * n)",
    "json.dumps": "json.dumps(nested(n))",
    "repr": "repr(nested(n))",
    "comparison": "nested(n) == nested(n)",
    "pickle": "pickle.dumps(nested(n))",
    "copy": "copy.deepcopy(nested(n))",
    "isinstance": "isinstance(1, nested(n, tuple))",
    "literal": "ast.literal_eval('[' * n + ']' * n)",
    "regular expression": "re.compile('(' * n + ')' * n)",
    "toml": "tomllib.loads('a = ' + '[' * n + ']' * n)",
    "a function": "down(n)",
    "through C": "through_c(n)",
}
HARMLESS = {
    "regular expression match": "re.match('(?:a|b)*c', 'ab' * n)",
    "html": "html.parser.HTMLParser().feed('<a>' * n)",
}
NESTED = """
import ast, copy, html.parser, json, pickle, re, tomllib
def nested(n, kind=list):
    x = kind()
    for _ in range(n): x = kind((x,))
    return x
def down(n): return down(n - 1) if n else 0
def through_c(n): return sorted([n], key=lambda n: through_c(n - 1)) if n else 0
"""


@pytest.mark.slow
def test_deep_recursion_raises_in_python():
    """A client can choose the depth of a document, which must not stop the VM."""
    tries = "".join(
        f"try:\n  {code}\n  print({name!r}, n, 'done')\nexcept (RecursionError, MemoryError): print({name!r}, n, 'refused')\n"
        for name, code in {**DEEP, **HARMLESS}.items()
    )
    lines = texts(f"{NESTED}\ndef all(n):\n  " + tries.replace("\n", "\n  ") + "\nall(100)\nall(2500)\nall(30_000)")
    assert lines == [f"{name} 100 done" for name in (*DEEP, *HARMLESS)] + [
        f"{name} {n} {'refused' if name in DEEP else 'done'}" for n in (2500, 30_000) for name in (*DEEP, *HARMLESS)
    ]


def test_reasonable_depth_is_allowed():
    assert texts(f"{NESTED}\njson.loads('[' * 1000 + ']' * 1000); down(900); through_c(150); print('fine')") == ["fine"]


# -- in callbacks -----------------------------------------------------------------------------------------------------

CALLBACKS = """
import json, re

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        if path == "/fail":
            json.loads("{")
        self.request_headers["x-json"] = json.dumps({"n": num_headers})
        self.request_headers["x-digits"] = ",".join(re.findall(r"[0-9]+", path))
        print("asked for", path)
"""


def test_filter_works_in_the_simulated_proxy():
    with Proxy(Filter.from_source(CALLBACKS, "f"), workers=1) as proxy:
        exchange = proxy.get("/a1b22")
        assert re.fullmatch(r'\{"n": \d+\}', exchange.upstream_request.headers["x-json"])
        assert exchange.upstream_request.headers["x-digits"] == "1,22"
        assert "asked for /a1b22" in [line.text for line in exchange.log]


def test_exception_is_logged_once_with_cell_lines_and_stops_the_vm():
    with Proxy(Filter.from_source(CALLBACKS, "f", filename="cell.py", first_line=20), workers=1) as proxy:
        exchange = proxy.get("/fail")
        assert exchange.response.status == 503
        said = [line.text for line in proxy.log if "Traceback" in line.text]
        assert len(said) == 1
        assert 'File "cell.py", line 27, in on_http_request_headers' in said[0]
        assert 'json.loads("{")' in said[0]
        assert "wasmnb" not in said[0].replace("wasmnb_filter", "")


EVERY_HOSTCALL = """
from wasmnb.abi import AbiVersion, hostcalls_for, Kind

ZERO = {Kind.BYTES: b"abc", Kind.PAIRS: b"", Kind.PATH: b"a"}
CALLS = [(h.short, [ZERO.get(p.kind, 1) for p in h.inputs]) for h in hostcalls_for(AbiVersion.V0_2_1).values()]

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for name, arguments in CALLS:
            getattr(self._vm.abi, name)(*arguments)
        return Action.CONTINUE
"""


class Bare:
    """A host that answers every hostcall with OK and some bytes, and counts them."""

    def __init__(self, source):
        self.calls = {}
        self.instance = Filter.from_source(source).image(default_engine()).instantiate(self.resolve, deadline=60)
        self.allocate = self.instance.function("proxy_on_memory_allocate")
        self.instance.function("_initialize")()
        self.create, self.delete = (self.instance.function(f"proxy_on_{n}") for n in ("context_create", "delete"))
        self.headers = self.instance.function("proxy_on_request_headers")
        self.create(1, 0)

    def resolve(self, required):
        hostcall = HOSTCALLS.get(required.name)
        return self.hostcall(hostcall) if hostcall else lambda *_: 0

    def hostcall(self, hostcall):
        at = sum(len(p.kind.core) for p in hostcall.inputs)

        def succeed(*arguments):
            self.calls[hostcall.short] = self.calls.get(hostcall.short, 0) + 1
            places = iter(arguments[at:])
            memory = self.instance.memory
            for output in hostcall.outputs:
                if len(output.kind.core) == 2:
                    address = self.allocate(40)
                    memory.write(address, b"x" * 40)
                    memory.write_u32(next(places), address)
                    memory.write_u32(next(places), 40)
                else:
                    memory.write_u32(next(places), 7)
            return 0

        return succeed

    def streams(self, first, count):
        for i in range(first, first + count):
            self.create(i, 1)
            assert self.headers(i, 3, 1) == 0
            self.delete(i)


@pytest.mark.parametrize("streams", [800, pytest.param(8000, marks=pytest.mark.slow)])
def test_every_hostcall_reaches_the_host_without_a_leak(streams):
    bare = Bare(EVERY_HOSTCALL)
    first = streams // 4
    bare.streams(2, first)
    before = bare.instance.memory.refresh()
    bare.streams(2 + first, streams - first)
    assert bare.instance.memory.refresh() == before
    assert set(bare.calls) == set(h.short for h in hostcalls_for(AbiVersion.V0_2_1).values())
    assert set(bare.calls.values()) == {streams}


def test_contexts_without_callbacks_use_no_memory():
    """The journal is drained when it is full, and a delete right after its create leaves nothing in it."""
    bare = Bare(STREAM)
    bare.streams(2, 10)
    before = bare.instance.memory.refresh()
    for i in range(100, 40_100):
        bare.create(i, 1)
        bare.delete(i)
    for i in range(50_000, 90_000, 4):
        for k in range(4):
            bare.create(i + k, 1)
        for k in range(4):
            bare.delete(i + k)
    assert bare.instance.memory.refresh() == before
    bare.streams(100_000, 10)


ALIVE = """
alive = 0

class Counted(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        global alive
        alive += 1
        for _ in range(alive):
            log_info("one more")

    def __del__(self):
        global alive
        alive -= 1
"""


def test_context_object_lives_as_long_as_its_stream():
    bare = Bare(ALIVE)
    for order in ((5, 6, 7), (10, 9, 8)):
        for i in sorted(order):
            bare.create(i, 1)
        bare.calls.clear()
        for i in order:
            bare.headers(i, 5, 1)
        for i in sorted(order):
            bare.delete(i)
        assert bare.calls["log"] == 1 + 2 + 3


@pytest.mark.parametrize("overridden", ["", "    def on_delete(self): log_info('gone')\n"])
def test_context_deletion_runs_python_only_with_on_delete(overridden):
    bare = Bare(STREAM + overridden)
    bare.streams(2, 3)
    assert bare.calls.get("log", 0) == (3 if overridden else 0)

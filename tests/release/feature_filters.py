"""Filters that use the features of Python and of the SDK, by area.

`make profile` records the code that the SDK's filters execute, and release modules compile it. Also compiling all code that the
filters for Python's features execute would add half a CPU-second to every start. A filter's imports and its own recorded
traffic add the code that it needs.
"""

__all__ = ["EXCEPTIONS", "PYTHON_FEATURES", "SDK_FEATURES"]

PYTHON = r'''
from collections import Counter as Multiset, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field, replace
from enum import Enum
import functools
import itertools

Point = namedtuple("Point", "x y")


class Tier(Enum):
    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True)
class Rule:
    prefix: str
    limit: int = 0
    tags: list[str] = field(default_factory=list)


class Amount:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        return Amount(self.value + other.value)

    def __lt__(self, other):
        return self.value < other.value

    def __eq__(self, other):
        return self.value == other.value

    def __hash__(self):
        return hash(self.value)

    def __len__(self):
        return self.value

    def __getitem__(self, index):
        return self.value + index

    def __contains__(self, item):
        return item == self.value

    def __iter__(self):
        yield self.value

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    @property
    def double(self):
        return 2 * self.value

    @double.setter
    def double(self, value):
        self.value = value // 2

    @classmethod
    def zero(cls):
        return cls(0)


class Price(Amount):
    def __init__(self, value, *, currency="EUR"):
        super().__init__(value)


@functools.lru_cache
def squared(number):
    return number * number


def numbers():
    total = 0
    for number in range(20):
        if number % 3 == 0:
            continue
        total += number * 3 - number // 2 ^ number & 5 | 1
    total += -total + abs(-7) + (1 << 70 >> 65) + int("123") + int("ff", 16) + divmod(17, 5)[1] + pow(3, 200, 1009)
    large = 7**90 % (10**40 + 7) + int("9" * 30) * 3 // 7 - (1 << 100)
    real = sum(x / 3 - 2**0.5 for x in range(10)) * 1.1 + float("3.25") % 2 - 7.5 // 2
    shown = f"{real:.2f} {total:>8} {large} {1234567:,} {255:#x} {0.25:.0%} {1e20} {real!r} {round(real, 1)} {hex(total)}"
    return shown + str(total) + str(real) + str(min(3, 1.5)) + str(max([1, 2])) + str(2.5 < total != 3) + str(True + 1)


def texts():
    text = "  Hello, W\u00f6rld and \u20ac \U0001f600 ".strip().lower().upper().title().swapcase().casefold()
    parts = text.split(), text.partition(","), text.rpartition(" "), text.split(",", 1), "a\nb".splitlines(), "a.b".rsplit(".", 1)
    shown = text.replace("l", "L") + text[::-1] + text[1:3] + ", ".join(["a", "b"]) + "7".zfill(3) + "a".center(5) + "b".ljust(3)
    checks = text.startswith(("h", "H")), text.endswith("x"), "w" in text, text.find("o"), text.count("l"), text.index("l"), text.isdigit()
    more = "a-b_c".isalnum(), "abc".isalpha(), "abc".translate({97: None}), "x".rjust(4) + "  y".lstrip() + "z ".rstrip(), text.removeprefix("h")
    return f"{parts!r:>20}{shown!s}{checks}{more}{'x':^5}" + "%s %d %5.1f %r" % ("a", 3, 2.5, None) + "{} {a}".format(1, a=2) + ascii(text) + chr(65) + str(ord("a"))


def octets():
    buffer = bytearray(b"abc")
    buffer.extend(b"def")
    buffer[0] = 65
    raw = bytes(buffer).hex()
    back = bytes.fromhex(raw)
    number = int.from_bytes(back, "big")
    pieces = back.split(b"d"), back.find(b"e"), back.replace(b"c", b"x"), back[1:3], back.startswith(b"A"), b",".join([b"a", b"b"]), back.strip()
    return f"{raw}{number.to_bytes(8, 'little')}{pieces}{memoryview(back)[1:3].tobytes()}{back.decode()}{'ü'.encode()}{'ü'.encode('latin-1').decode('latin-1')}{back.upper()}{list(back)}"


def collections():
    table = {key: value for key, value in zip("abcdef", range(6))}
    table.update(g=7)
    table.setdefault("h", []).append(1)
    table.pop("a")
    table |= {"i": 1}
    del table["b"]
    unique = {number % 3 for number in range(9)} | {5} & {5, 6} - {7}
    ordered = sorted(table, key=lambda key: key, reverse=True)
    rows = [*ordered, *map(str, filter(None, unique))]
    rows.insert(0, "z")
    rows.sort()
    rows.remove("z")
    rows.reverse()
    rows[1:2] = ["q", "r"]
    first, *rest = rows
    groups = defaultdict(list)
    for name, value in enumerate(rest, 1):
        groups[value].append(name)
    recent = deque(rest, maxlen=3)
    recent.appendleft(recent.pop())
    recent.popleft()
    ranks = OrderedDict(a=1, b=2)
    ranks.move_to_end("a")
    ranks.popitem(last=False)
    place = Point(1, 2)._replace(x=5)
    pairs = list(itertools.chain([1], [2])), [list(g) for _, g in itertools.groupby("aab")], list(itertools.islice(itertools.count(), 3))
    pairs += list(itertools.product("ab", [1, 2])), functools.reduce(lambda a, b: a + b, [1, 2, 3]), functools.partial(max, 1)(2)
    return f"{table}{sorted(unique)}{rows}{first}{dict(groups)}{list(recent)}{ranks}{place}{pairs}{Multiset('abracadabra').most_common(2)}{any(rows)}{all(rows)}{sum([1, 2])}{list(reversed(rows))}{tuple(rows) == ()}"


def control():
    seen = []
    for value in (1, (2, 3), {"k": 4}, "s", None, 2.5):
        match value:
            case int(number):
                seen.append(number)
            case (left, right):
                seen.append(left + right)
            case {"k": inner}:
                seen.append(inner)
            case str() as name:
                seen.append(name)
            case _:
                seen.append(None)
    for bad in (lambda: {}["x"], lambda: [][1], lambda: int("x"), lambda: None.x, lambda: 1 / 0, lambda: "a" + 1):
        try:
            bad()
        except (KeyError, IndexError) as error:
            seen.append(repr(error))
        except Exception as error:
            seen.append(type(error).__name__ + str(error))
        else:
            seen.append("none")
        finally:
            seen.append("done")
    try:
        raise ValueError("x") from KeyError("y")
    except ValueError as error:
        seen.append(str(error.__cause__))
    while len(seen) > 3:
        seen.pop()
        if len(seen) == 5:
            break
    return str(seen)


def objects():
    price, other = Price(3, currency="USD"), Price(4)
    with price as opened:
        opened.double = 10
    rule = replace(Rule("/a", tags=["x"]), limit=5)
    return f"{(price + other).value}{price < other}{price == other}{len(price)}{price[1]}{3 in price}{list(price)}{Amount.zero().value}{rule}{rule == Rule('/a')}{hash(price)}{Tier('paid').name}{[t.value for t in Tier]}{Tier.FREE is Tier['FREE']}{isinstance(price, Amount)}{getattr(price, 'no', 1)}{hasattr(price, 'double')}{callable(price)}{squared(3)}{type(price).__name__}"


class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        results = [numbers(), texts(), octets(), collections(), control(), objects()]
        self.request_headers["x-results"] = str(sum(map(len, results)))
'''

LIBRARY = r'''
import base64
import hashlib
import hmac
import json
import math
import random
import re
import struct
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

PATTERN = re.compile(r"(?P<name>[a-z]+)-(\d+)", re.I)
DOCUMENT = '{"a": [1, 2.5, true, null, "x\\u00e9\\n"], "b": {"c": "d", "e": -1e3}, "f": "' + "y" * 50 + '"}'


def documents():
    document = json.loads(DOCUMENT)
    document["z"] = len(document)
    return json.dumps(document, sort_keys=True) + json.dumps(document, indent=2) + json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def expressions():
    found = PATTERN.match("abc-123"), PATTERN.search("-x abc-1"), PATTERN.fullmatch("abc")
    return f"{found[0]['name']}{found[1].groups()}{found[0].group(2)}{PATTERN.sub('z', 'abc-1 def-2')}{PATTERN.findall('abc-1 def-2')}{re.split('[,;] *', 'a, b;c')}{[m.span() for m in PATTERN.finditer('abc-1')]}{re.escape('a.b')}"


def secrets():
    digest = hmac.new(b"key", b"data" * 10, hashlib.sha256)
    encoded = base64.b64encode(digest.digest()).decode()
    same = hmac.compare_digest(digest.hexdigest(), hashlib.sha256(b"x").hexdigest())
    return f"{encoded}{base64.urlsafe_b64decode(encoded + '==')}{hashlib.md5(b'x').hexdigest()}{hashlib.sha1(b'x').hexdigest()}{same}{base64.b32encode(b'a')}{struct.pack('>IH', 1, 2)}{struct.unpack('<Q', bytes(8))}"


def times():
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc) + timedelta(hours=5, seconds=1.5)
    again = datetime.fromisoformat(moment.isoformat())
    now = datetime.now(timezone.utc)
    return f"{moment.isoformat()}{moment:%Y-%m-%d %H:%M:%S}{again == moment}{(again - moment).total_seconds()}{moment.timestamp()}{now > moment}{datetime.fromtimestamp(0, timezone.utc)}{datetime.strptime('2024-01-02', '%Y-%m-%d').date()}{time.time() > 0}{time.monotonic() > 0}"


def addresses():
    address = urlsplit("http://u@h:80/a/b?x=1&y=2&x=3#f")
    return f"{urlunsplit(address)}{address.hostname}{address.port}{parse_qs(address.query)}{parse_qsl('a=b+c&d=%20')}{quote('a b/ü')}{unquote('a%20b%C3%BC')}{urlencode({'a': 'b c', 'd': 1})}"


class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        results = [documents(), expressions(), secrets(), times(), addresses()]
        chosen = [random.random(), random.choice([1, 2]), random.randint(1, 5), uuid.uuid4()]
        chosen += math.floor(2.5), math.sqrt(2), math.ceil(1.2), math.log(3), math.isnan(1.0)
        self.request_headers["x-results"] = str(len(results) + len(chosen))
'''

SDK = r'''
from dataclasses import dataclass

requests = Counter("requests", tags={"zone": "a"})
size = Gauge("size")
duration = Histogram("duration")


class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        headers = self.request_headers
        headers["x-a"] = "1"
        headers.add("x-b", "2")
        headers.update({"x-c": 3})
        del headers["x-b"]
        seen = dict(headers.items()), list(headers), "x-a" in headers, headers.get("x-none", ""), headers.get_all("x-a"), len(headers)
        request = self.request
        parts = request.path, request.method, request.query.get("a"), request.cookies.get("k"), request.query.items()
        read = self.properties.get("source.address"), self.properties.get("request.path"), self.properties.get("no.such", None)
        key = "count"
        self.shared_data[key] = str(int(self.shared_data.get(key) or b"0") + 1).encode()
        requests.increment()
        size.set(len(seen))
        duration.record(5)
        self.log(LogLevel.INFO, "%s %s", request.method, read)
        self.log(LogLevel.DEBUG, str(parts))
        if request.query.get("deny"):
            self.send_local_response(403, body=b"denied", headers={"x-reason": "query"})
            return Action.PAUSE

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-status"] = self.response_headers[":status"]
        self.response_headers.pop("server", None)

    def on_http_response_body(self, body_size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        self.response.body = self.response.body.text.upper()

    def on_http_stream_done(self):
        self.request_headers.get(":path")
'''

AWAITING = r'''
class Features(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        first = await self.http_call("service", headers={":path": "/token"}, body=b"abc", timeout=1)
        second, third = await gather(self.http_call("service"), self.http_call("service"))
        await sleep(0.01)
        try:
            async with timeout(0.5):
                await self.http_call("service")
        except TimeoutError:
            return
        for name, value in first.headers.items():
            self.request_headers["x-" + name.strip(":")] = value
        self.request_headers["x-status"] = second.status + third.status

    async def on_http_request_body(self, body_size, end_of_stream):
        body = await self.request_body()
        self.request.body = body.upper()
'''

CALLBACKS = r'''
class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.http_call("service", headers={":method": "POST", ":path": "/check"}, body=b"x", callback=self.on_response)
        return Action.PAUSE

    def on_response(self, response):
        self.request_headers["x-status"] = response.status
        self.request_headers["x-body"] = response.body.decode()
        self.continue_request()
'''

LOCAL_RESPONSES = r'''
from itertools import count

numbers = count()

WAYS = [
    {"status": 200},
    {"status": 200, "body": "ok", "headers": {"x-a": "1"}},
    {"status": 200, "body": b"ok", "headers": [("x-a", "1"), ("x-b", "2")], "details": "by_list"},
    {"status": 200, "json": {"ok": True}, "headers": (("x-a", "1"),)},
    {"status": 200, "body": "ok", "headers": {"x-a": 1}},
]


class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        number = next(numbers) % (len(WAYS) + 1)
        if number < len(WAYS):
            return self.send_local_response(**WAYS[number])

    def on_http_response_headers(self, num_headers, end_of_stream):
        if "x-a" not in self.response_headers:
            return self.send_local_response(200, "instead", headers={"x-a": "2"})
'''

#: The first two fail with an exception, which ends their VM. The third logs what it catches.
UNCAUGHT = r'''
class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.check(self.request_headers.get("x-key"))

    def check(self, key):
        return key.lower()
'''

UNCAUGHT_AWAITING = r'''
class Features(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await sleep(0)
        await self.check(self.request_headers.get("x-key"))

    async def check(self, key):
        return {"a": 1}[key]
'''

LOGGED = r'''
import logging
import traceback


class Features(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            self.check(self.request_headers.get("x-key"))
        except AttributeError:
            logging.exception("no key")

    def on_http_response_headers(self, num_headers, end_of_stream):
        try:
            self.check(self.response_headers.get("x-key"))
        except AttributeError:
            self.log(LogLevel.WARN, traceback.format_exc())

    def check(self, key):
        return key.lower()
'''

#: Area -> source of a filter.
SDK_FEATURES = {"sdk": SDK, "awaiting": AWAITING, "callbacks": CALLBACKS, "local responses": LOCAL_RESPONSES}
PYTHON_FEATURES = {"python": PYTHON, "library": LIBRARY}

#: Filters that log the tracebacks of exceptions, and whether an exception ends the VM.
EXCEPTIONS = {"uncaught": (UNCAUGHT, True), "uncaught in a coroutine": (UNCAUGHT_AWAITING, True), "logged": (LOGGED, False)}

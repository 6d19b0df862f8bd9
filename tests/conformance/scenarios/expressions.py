"""Expressions of `expr_create` and `expr_evaluate`: literals, operators, macros, functions, attributes and errors of all kinds."""

from urllib.parse import quote

from ..scenario import Scenario, Send, maker

S = maker("expressions")

#: Area of the language -> one expression on each line, after its kind if it can't be created (`_script`).
EXPRESSIONS = {
    "literals": r"""
1
-1
- 1
0x1F
-0x1F
syntax: 0X1f
007
1u
0x1Fu
1U
9223372036854775807
-9223372036854775808
syntax: 9223372036854775808
18446744073709551615u
syntax: 18446744073709551616u
1.5
-1.5
.5
syntax: 1.
1e3
1.5E-3
1e400
true
false
null
"text"
'text'
"ä€😀"
b"bytes"
b'\xff\000'
b"ä"
B'up'
"\x41\101A\U00000041\n\t\r\a\b\f\v\\\'\"\?\`"
syntax: '\q'
syntax: '\x4'
syntax: "\uD800"
syntax: "\U00110000"
syntax: '\400'
r"a\n"
R'a\n'
'''triple 'quoted' text'''
br'\n'
syntax: rb'\n'
syntax: "unterminated
1 // comment
syntax: // only a comment
syntax: 1 /* block */
syntax: 1_000
01
syntax: 0x
syntax: 1.5u
syntax: 1e
syntax: @
syntax: a b
""",
    "arithmetic": r"""
1 + 2
1 - 2
2 * 3
7 / 2
-7 / 2
7 % 3
-7 % 3
7 % -3
7 / 0
7 % 0
1.5 + 2.5
7.0 / 2.0
1.0 / 0.0
-1.0 / 0.0
5.5 % 2.0
1 + 1.0
1 + 1u
1u + 1
1u + 2u
1u - 2u
2u * 3u
7u / 2u
7u / 0u
7u % 0u
9223372036854775807 + 1
-9223372036854775808 - 1
9223372036854775807 * 2
-9223372036854775808 / -1
-9223372036854775808 % -1
-(-9223372036854775808)
18446744073709551615u + 1u
18446744073709551615u * 2u
-1u
-(1u)
-1.5
-"a"
-true
--1
---1
!true
!!true
!!!true
!1
!null
-null
true + true
"a" + "b"
"a" + 1
"a" * 2
"a" - "b"
b"a" + b"b"
b"a" + "b"
[1] + [2]
[1] + 2
{} + {}
null + null
syntax: 1 +
syntax: + 1
syntax: 1 ++ 2
2 + 3 * 4
(2 + 3) * 4
10 - 3 - 2
100 / 10 / 2
-2 * -3
1e308 * 10.0
0.1 + 0.2
3.0
1e21
1e-7
100000000.0
123456789.0
""",
    "comparisons": r"""
1 == 1
1 == 2
1 != 2
1 == 1.0
1 == 1u
1u == 1.0
true == 1
"1" == 1
null == null
null == 1
null != 1
1 == "a"
"a" == b"a"
"a" == "a"
b"a" == b"a"
0.0/0.0 == 0.0/0.0
1 < 2
1 < 1.5
1u < 2
1u < 2u
-1 < 1u
1.5 > 1
"a" < "b"
"B" < "a"
"a" < 1
b"a" < b"b"
true < false
false < true
null < null
[1] < [2]
[1] == [1]
[1] == [1.0]
[1] == [2]
[1, 2] == [1]
[1] == 1
[] == []
{"a": 1} == {"a": 1}
{"a": 1} == {"a": 2}
{"a": 1} != {"b": 1}
{} == []
1 < 2 < 3
1 == 1 == true
syntax: 1 = 1
syntax: 1 === 1
syntax: 1 <> 2
9223372036854775807 == 9223372036854775807.0
duration("1s") == duration("1000ms")
duration("1s") < duration("2s")
timestamp("2020-01-01T00:00:00Z") < timestamp("2021-01-01T00:00:00Z")
bool == bool
int == type(1)
type(1) == type(1u)
""",
    "logic": r"""
true && true
true && false
true || false
false || false
true && 1
false && 1
1 && false
1 && true
1 || true
true || 1
1 || false
1 || 1
1 && 1
nope && false
nope || true
false && nope
true || nope
nope && true
nope || false
true || (1/0 == 1)
(1/0 == 1) || true
(1/0 == 1) && false
!nope
syntax: true and true
syntax: true & true
true ? 1 : 2
false ? 1 : 2
1 ? 1 : 2
null ? 1 : 2
nope ? 1 : 2
true ? 1 : nope
false ? nope : 2
true ? 1 : "a"
syntax: true ? false ? 1 : 2 : 3
false ? 1 : true ? 2 : 3
syntax: true ? 1
true && (false || true)
"" || true
""",
    "lists and maps": r"""
[]
[1, 2, 3]
[1, 2, 3,]
[1, "a", true, null, 1.5, 2u, b"x"]
[[1], [2, [3]]]
[1][0]
[1][1]
[1][-1]
[1]["a"]
[1][0.0]
[1][0u]
[1][0.5]
[1][true]
[,]
syntax: [1 2]
syntax: [1
{}
{"a": 1}
{"a": 1,}
{"a": {"b": 2}}
{"a": 1}.a
{"a": 1}["a"]
{"a": 1}.b
{"a": 1}["b"]
{1: "x"}[1]
{1: "x"}[1u]
{1: "x"}[1.0]
{1u: "x"}[1]
{true: "x"}[true]
{null: 1}
{1.5: 1}
{"a": 1, "a": 2}
{[1]: 2}
{"a": 1}[1]
{a: 1}
{1: 2}
{"a": nope}
[nope]
1 in [1, 2]
3 in [1, 2]
1.0 in [1, 2]
1u in [1, 2]
"a" in ["a"]
"a" in {"a": 1}
"b" in {"a": 1}
1 in {1: 2}
1 in {"a": 1}
"a" in "abc"
1 in 1
1 in []
null in [null]
[1] in [[1]]
"x" in request.headers
"x-a" in request.headers
nope in [1]
[1,2,3].size()
"abc"[0]
1[0]
null[0]
1.a
"a".b
true.x
{"a":[1,{"b":"deep"}]}.a[1].b
syntax: [1, 2].0
{"size": 5}.size
{"a": 1}.size()
{"if": 1}.if
syntax: {"in": 1}.in
syntax: {"true": 1}.true
""",
    "macros": r"""
has({"a": 1}.a)
has({"a": 1}.b)
has({}.b)
syntax: has({"a": 1}["a"])
syntax: has(a)
syntax: has(request)
has(request.path)
has(request.nope)
has(request.headers)
has(request.referer)
has(request.headers.host)
has(nope.x)
has(request.path.x)
has(1.x)
unknown: has()
unknown: has(request.path, 1)
has({"a": {"b": 1}}.a.b)
has({"a": {"b": 1}}.c.b)
has({"a": null}.a)
has(metadata.filter_metadata)
has(response.code)
has(source.address)
has(connection.mtls)
has(connection.requested_server_name)
[1, 2].all(x, x > 0)
[1, 2].exists(x, x > 1)
[1, 2].exists_one(x, x > 1)
[1, 2].map(x, x * 2)
[1, 2].map(x, x > 1, x * 2)
[1, 2].filter(x, x > 1)
{"a": 1}.all(k, k == "a")
request.headers.exists(k, k == "x-a")
[].all(x, x)
syntax: [1].all(1, true)
unknown: [1].all(x)
""",
    "functions": r"""
size("abc")
size("ä€😀")
size(b"\xff\xfe")
size([1, 2])
size({"a": 1})
size(1)
size(null)
unknown: size()
unknown: size("a", "b")
"abc".size()
"ä".size()
"abc".contains("b")
"abc".contains("")
"abc".contains(1)
contains("abc", "b")
"abc".startsWith("ab")
startsWith("abc", "ab")
"abc".endsWith("bc")
"abc".endsWith("")
"abc".matches("b")
"abc".matches("^b")
"abc".matches("^a.*c$")
matches("abc", "b")
"abc".matches("(")
"abc".matches("(?i)B")
"a\nb".matches("a.b")
"abc".matches("(?=b)")
"ä".matches("^.$")
unknown: "abc".lowerAscii()
unknown: "ABCÄ".lowerAscii()
unknown: "abcä".upperAscii()
unknown: " a ".trim()
unknown: "a,b".split(",")
unknown: ["a","b"].join(",")
unknown: "abc".replace("b", "x")
unknown: "abc".substring(1)
unknown: "abc".indexOf("b")
unknown: "abc".charAt(1)
unknown: "abc".reverse()
unknown: "%d".format([1])
unknown: nope()
unknown: nope(1)
unknown: "a".nope()
unknown: request.path()
int(1)
int(1u)
int(1.9)
int(-1.9)
int(1e19)
int("12")
int("-12")
int("+12")
int(" 12")
int("1_000")
int("0x10")
int("1.5")
int("a")
int("")
int(true)
int(18446744073709551615u)
int(timestamp("2020-01-01T00:00:00Z"))
int(duration("5s"))
uint(1)
uint(-1)
uint(1.9)
uint(-1.0)
uint("12")
uint("-1")
uint(1u)
double(1)
double(1u)
double("1.5")
double("a")
double("inf")
double("nan")
double("1e400")
double(9223372036854775807)
string(1)
string(-1)
string(1u)
string(1.0)
string(1.5)
string(0.1)
string(1e21)
string(1e-7)
string(100000.0)
string(1000000.0)
string(123456789.0)
string(1.0/3.0)
string(true)
string("a")
string(b"abc")
string(b"\xff")
string(null)
string([1])
string(duration("1.5s"))
string(timestamp("2020-01-01T00:00:00Z"))
bytes("ä")
bytes(b"a")
bytes(1)
bool("true")
bool("1")
bool("t")
bool("True")
bool("yes")
bool(1)
bool(true)
type(1)
type("a")
type(null)
type(request.headers)
string(type(1))
dyn(1)
int
bool
string
null_type
duration("1s")
duration("1h30m")
duration("1.5s")
duration("-1ms")
duration("x")
duration("")
duration("1s") + duration("2s")
duration("1s") - duration("2s")
duration("90s").getMinutes()
duration("90s").getSeconds()
duration("5400s").getHours()
duration("1500ms").getMilliseconds()
timestamp("2020-01-02T03:04:05Z")
timestamp("2020-01-02T03:04:05.678Z")
timestamp("x")
timestamp(0)
timestamp("2020-01-01T00:00:00Z") + duration("1h")
timestamp("2020-01-01T00:00:00Z") - timestamp("2019-01-01T00:00:00Z")
timestamp("2020-01-02T03:04:05Z").getFullYear()
timestamp("2020-01-02T03:04:05Z").getMonth()
timestamp("2020-01-02T03:04:05Z").getDate()
timestamp("2020-01-02T03:04:05Z").getDayOfMonth()
timestamp("2020-01-02T03:04:05Z").getDayOfWeek()
timestamp("2020-01-02T03:04:05Z").getDayOfYear()
timestamp("2020-01-02T03:04:05Z").getHours()
timestamp("2020-01-02T03:04:05Z").getHours("+02:00")
timestamp("2020-01-02T03:04:05Z").getMinutes()
timestamp("2020-01-02T03:04:05Z").getSeconds()
timestamp("2020-01-02T03:04:05.678Z").getMilliseconds()
unknown: math.greatest(1, 2)
unknown: base64.encode(b"a")
unknown: optional.of(1)
unknown: cel.bind(x, 1, x)
""",
    "attributes": r"""
request.path
request.url_path
request.host
request.scheme
request.method
request.headers.host
request.headers["host"]
request.headers[":path"]
request.headers["x-a"]
request.headers["X-A"]
request.headers["x-multi"]
request.headers["nope"]
request.headers.nope
request.headers[1]
request["path"]
request["headers"]["x-a"]
request.nope
request.referer
request.useragent
request.id
request.protocol
request.duration
request.size
response
response.code
response.headers
response.flags
response.size
source
source.address == ""
source.port > 0
source.port == 0u
destination.port > 0u
connection.mtls
connection.id > 0u
connection.tls_version
connection.subject_local_certificate
upstream.address
upstream.port
metadata.filter_metadata
filter_state
filter_state["nope"]
filter_state.nope
request
connection
plugin_name
plugin_root_id
plugin_vm_id
node
node.id
node.metadata
cluster_name
cluster_metadata
route_name
route_metadata
xds
xds.cluster_name
xds.listener_direction
xds.listener_metadata
listener_direction
listener_metadata
upstream_host_metadata
nope
nope.x
request.path + "x"
request.path == "/"
request.path == b"/"
request.path.startsWith("/")
size(request.path)
request.path.size()
request.path.matches("^/")
request.size + 1
request.size == 0
request.size == 0u
request.size + request.size
request.total_size > 0
request.time > timestamp("2020-01-01T00:00:00Z")
request.time.getFullYear() > 2000
request.duration > duration("0s")
type(request.path)
type(request.size)
type(request.path) == string
type(request.size) == int
type(request.size) == uint
type(request.time) == google.protobuf.Timestamp
type(request.headers) == map
type(request.nope)
string(request.size)
int(request.headers["x-num"]) + 1
request.headers["x-num"] == "5"
request.path[0]
request.path in ["/"]
request.method == "GET" && request.path != "/x"
request.headers == request.headers
request == request
[request.path, request.method]
{"p": request.path}
request.headers["x-a"] + request.headers["x-multi"]
request.nope == null
source.address.startsWith("127.")
destination.address.contains(":")
connection.mtls == false
connection.mtls ? 1 : 2
node.id == "x"
node.metadata["nope"]
plugin_name == "plug"
xds.cluster_name == ""
xds.node.id
.request.path
.1
unknown: google.protobuf.Nope{}
unknown: request{}
syntax: request.?path
syntax: request.headers[?"x"]
syntax: `a`
request.`path`
syntax: if
syntax: in
syntax: for
syntax: while
syntax: package
syntax: true.
syntax: request.
syntax: request..path
syntax: request[
syntax: (1
syntax: 1)
syntax: ()
((1))
a.b.c.d
_x
x1
syntax: é
"tab	inside"
  1  
	1
""",
    "further expressions": r"""
!!1
--"a"
!-1
syntax: -!true
syntax: [
syntax: {
syntax: f(
syntax: a[1
syntax: {1
syntax: {1:
syntax: {1:2
syntax: size(1 2)
syntax: size(1
syntax: (1 2)
syntax: (1 2 3)
syntax: {1 2}
syntax: {"a" 1}
syntax: [1,,2]
{,}
1.0 in {1: 2}
null in {1: 2}
1.5 in {1: 2}
[1] in {1: 2}
{1: 2}[null]
{true: 1}[1]
true in {1: 2}
unknown: [1].existsOne(x, x == 1)
[1, 2].all(x, 1/0 == 1)
[1, 2].all(x, x == 1 || 1/0 == 1)
[1, 2].all(x, x == 2 && 1/x == 2)
[1, 0].all(x, 1/x == 5)
[0, 1].all(x, 1/x == 5)
[1, 0].exists(x, 1/x == 1)
[0, 1].exists(x, 1/x == 1)
[0, 1].exists_one(x, 1/x == 1)
[0, 1].map(x, 1/x)
[0, 1].filter(x, 1/x == 1)
[1].map(x, nope)
[1].filter(x, 1)
[1].all(x, 1)
[1].exists(x, 1)
1.all(x, true)
"ab".map(x, x)
[1, 2].map(x, [3, 4].map(y, x * y))
[1].map(x, [2].map(x, x))
[1].map(request, request)
string(123456.0)
string(1234567.0)
string(100000.5)
string(1234567.5)
string(0.0001)
string(0.00001)
string(0.00012345)
string(-2.5)
string(1.0/0.0)
string(-1.0/0.0)
string(-0.0)
string(1e100)
string(12345.678)
string(5e-324)
string(1.7976931348623157e308)
string(0.1 + 0.2)
int(-9223372036854775808.0)
int(9223372036854775807.0)
int(-9223372036854774784.0)
int(0.0/0.0)
uint(-0.5)
uint(18446744073709551615.0)
uint("+5")
uint(" 5 ")
uint(true)
uint("a")
double(" 1.5 ")
double("1e5")
double("0x10")
double("INF")
double("infinity")
double("-nan")
double(true)
double("")
double("1_0")
duration("0")
duration("1h 2m")
duration("+1s")
duration("1.5h")
duration(".5s")
duration("1us1ns")
duration("1d")
duration("inf")
duration("10000000h")
duration(1)
duration(duration("1s"))
string(duration("1ms"))
string(duration("1us"))
string(duration("1ns"))
string(duration("-1.5s"))
string(duration("0s"))
string(duration("3600s"))
string(timestamp("2020-01-01T00:00:00.5Z"))
string(timestamp("2020-01-01T00:00:00.000001Z"))
timestamp("2020-01-01T00:00:00+02:00")
timestamp("2020-01-01t00:00:00z")
timestamp("2020-01-01")
timestamp("2020-01-01 00:00:00Z")
timestamp("0001-01-01T00:00:00Z")
timestamp("9999-12-31T23:59:59Z")
timestamp("2020-13-01T00:00:00Z")
timestamp("2020-02-30T00:00:00Z")
timestamp("2020-01-01T00:00:60Z")
timestamp("2020-01-01T00:00:00.123456789Z")
timestamp(timestamp(0))
timestamp(1.5)
timestamp(99999999999999)
timestamp("2020-01-01T00:00:00Z") - duration("1s")
duration("1s") + timestamp("2020-01-01T00:00:00Z")
duration("1s") - timestamp(0)
timestamp(0) + timestamp(0)
duration("1s") * 2
-duration("1s")
timestamp(0).getHours("Europe/Berlin")
timestamp(0).getHours("UTC")
timestamp(0).getHours("02:00")
timestamp(0).getHours("-05:30")
timestamp(0).getMinutes("-05:30")
timestamp(0).getHours("Nope/Nope")
timestamp(0).getHours("")
timestamp(0).getHours(1)
duration("-90s").getMinutes()
duration("-1500ms").getSeconds()
duration("-1500ms").getMilliseconds()
duration("1h").getFullYear()
"a".getHours()
unknown: getHours(timestamp(0))
type(timestamp(0)) == type(timestamp(1))
type(type(1)) == type
type({}) == map
type([]) == list
type(null) == null_type
type(1.0) == double
type(b"") == bytes
type(duration("1s")) == type(1)
type(int) == type
type(request) == map
type(metadata) == map
type(1u) == uint
bool("TRUE")
bool("f")
bool("0")
bool("False")
bool("tRue")
bool("")
string(int)
string({})
dyn(null)
unknown: dyn()
int("9223372036854775808")
int("-9223372036854775808")
int("12 ")
int("1 2")
int("0012")
bytes(null)
syntax: b"\u00e4"
b"\xff" == b"\377"
"\u00e4" == "ä"
"\U0001F600".size()
syntax: "\0"
syntax: "\8"
syntax: "a" "b"
'a\'b'
syntax: "\
1.5.a
1.e3
1e+3
syntax: 0xG
1 /2
syntax: a.b(
syntax: as
syntax: break
syntax: const
syntax: var
syntax: void
syntax: import
syntax: let
syntax: loop
syntax: namespace
syntax: function
syntax: return
syntax: else
syntax: continue
{"a": 1}.package
{"for": 1}.for
syntax: package.x
x.all
syntax: [1].all(request.path, true)
unknown: [1].map(x, y, z, w)
unknown: map(1, 2)
unknown: all(x, true)
has(.request.path)
has(has(a.b).c)
has((request.path))
"abc".matches("b$")
"abc\n".matches("c$")
"abc".matches("\\d")
"a1".matches("\\d")
"abc".matches("")
"abc".matches("[")
"abc".matches("a{1001}")
"abc".matches("(?P<n>a)")
"abc".matches("a*+")
"abc".matches(1)
b"abc".matches("a")
b"abc".contains(b"a")
b"abc".startsWith("a")
size(b"")
"a" in b"a"
"a" + request.path
b"a" + request.path
syntax: 1 ? 2
syntax: ? 1
syntax: 1 :
syntax: true ? 1 : 
syntax: a ? b ? c : d : e
a ? (b ? c : d) : e
true ? 1 : false ? 2 : 3
syntax: true ?: 1
1 in [1] in [true]
1 == 1 != false
1 < 2 == true
!true == false
!(1 == 1)
-1 + 1
- 1 - - 1
2 - -1
2--1
1-1
1 -1
a-1
[1, 2][0] + {"a": 1}.a
""",
    "further attributes": r"""
request.headers["x-a"].size()
request.size.foo
request.time + duration("1s") > request.time
request.time - request.time == duration("0s")
request.time.getHours() >= 0
request.path.getHours()
type(request.id) == string
type(request.host) == string
type(connection.id) == uint
type(connection.id) == int
type(source.port) == int
type(request.total_size) == int
type(response.flags) == int
type(xds.listener_direction) == int
type(xds.node) == map
type(metadata) == type(1)
type(connection.mtls) == bool
type(request.query) == string
type(response.headers) == map
type(plugin_name) == string
type(connection.requested_server_name) == string
type(filter_state) == map
type(xds) == map
foo
foo == "bar"
foo == b"bar"
foo + "x"
foo.size()
type(foo) == bytes
filter_state["wasm.foo"]
filter_state["wasm.foo"] == b"bar"
has(filter_state.foo)
"wasm.foo" in filter_state
"path" in request
"nope" in request
"referer" in request
size(request)
request.map(k, k).size() > 0
request.all(k, true)
xds.node.cluster
xds.node.metadata
xds.node.metadata.nk
xds.node.metadata["nk"] == "nv"
xds.node.nope
has(xds.node.id)
has(xds.node.nope)
has(xds.node.metadata.nk)
xds.node.id + "x"
size(xds.node.metadata)
xds.listener_metadata.filter_metadata.lm.a
xds.listener_metadata.filter_metadata["lm"]["a"]
has(xds.listener_metadata.filter_metadata.lm)
xds.listener_metadata.filter_metadata.nope
metadata.filter_metadata.nope
metadata.nope
metadata.filter_metadata.size()
xds.node == xds.node
xds.cluster_metadata
xds.upstream_host_metadata
xds.virtual_host_name
xds.cluster_name + xds.route_name
response.trailers
response.grpc_status
response.code_details
connection.termination_details
upstream
upstream.transport_failure_reason
upstream_filter_state
connection_id > 0u
type(connection_id) == uint
[foo]
{"a": foo}
[request.size]
[true, false]
["a", b"b"]
[1.5, 2u]
[[], {}]
[duration("1s"), timestamp(0)]
[null]
[int]
[request]
{"a": null}
{"a": request}
{"k": {"x": true}}
[nope, 1]
[1, 1/0]
[1/0].size()
{"a": 1/0}
request.headers.all(k, k.size() > 0)
request.headers.filter(k, k.startsWith("x-m"))
"x-a" in request.headers && request.headers["x-a"] == "va"
request.headers["x-a"] in ["va", "vb"]
1 in request.headers
request.headers[null]
request.headers.x_a
request.headers.exists_one(k, k == "x-a")
size(response.headers)
response.headers["x"]
has(response.headers.x)
response.headers == {}
request.headers == {}
request.query == ""
xds.route_name == ""
""",
    "strings in three quotes": r'''
"""triple"""
r"""raw\n"""
"""a"b"""
''',
}

_HEADERS = [("x-a", "va"), ("x-multi", "1"), ("x-multi", "2"), ("x-num", "5")]


def _script(expressions: str) -> str:
    """Return a script that creates and evaluates each expression.

    Tokens count from 0. A line that begins with `syntax:` gets no token, and one with `unknown:` uses up a token, but has no value.
    """
    lines, token = ["on_request_headers:", "    set_property foo bar"], 0
    for line in filter(str.strip, expressions.split("\n")):
        kind, _, marked = line.partition(": ")
        created = kind not in {"syntax", "unknown"}
        lines.append(f"    call_foreign_function expr_create {quote(line if created else marked, safe='')}")
        if created:
            data = "".join(f"%{byte:02x}" for byte in token.to_bytes(4, "little"))
            lines.append(f"    call_foreign_function expr_evaluate {data}")
        token += kind != "syntax"
    return "\n".join(lines)


SCENARIOS: list[Scenario] = [
    S(f"expressions: {name}", [Send(headers=_HEADERS)], _script(expressions)) for name, expressions in EXPRESSIONS.items()
]

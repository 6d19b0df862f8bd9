"""Reader and runner of fastedge-test's JSON fixtures, which contain a request, properties, and optionally a response.

The format is described in `server/schemas/config.ts` and `docs/TEST_CONFIG.md` of G-Core/fastedge-test. Only `request.url` is
required. Properties override those derived from the URL (`request.path` without its query, `request.host`, `request.extension`,
...), and can have any JSON type. `.env` files contain secrets and variables. If a fixture has no `response`, fastedge-test
sends the request to the network. Here, and for the URL `built-in`, a responder returns the request as JSON, or the response
described by `x-debugger-status` and `x-debugger-content`. Fixtures contain no expectations: a fixture passes if all callbacks
return and the client receives a response.
"""

# ruff: noqa: RUF009 -- `once` and `many` make dataclass fields
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ...abi.text import encode_text
from ...errors import UsageError, WasmnbError
from ...host import Plugin, Proxy
from ...messages import Headers, Request, Response
from ..assertions.soundness import failure_text
from .errors import FixtureError, SourceLocation
from .readers.nodes import Many, MessageNode, Scalar, SyntaxNode
from .readers.schema import fill, once
from .results import CaseResult

__all__ = ["Fixture", "is_fixture", "read_fixture", "run_fixture"]

_NOWHERE = SourceLocation("")
_BUILT_IN, _BUILT_IN_URL = "built-in", "http://fastedge-builtin.debug"

#: Prefixes of names in `.env`, and files in which names have no prefix.
_PREFIXES = ("FASTEDGE_VAR_ENV_", "FASTEDGE_VAR_SECRET_")
_PLAIN_FILES = (".env.variables", ".env.secrets")


class _JsonObject:
    """A JSON object with arbitrary names, stored as an unconverted node."""

    def __init__(self, node: MessageNode, place: SourceLocation) -> None:
        self.node = node
        self.place = place


@dataclass
class Wasm:
    """The fixture's field `wasm`, which names the module."""

    path: str = once("string", default="")
    description: str = once("string", default="")
    place: SourceLocation = _NOWHERE


@dataclass
class Dotenv:
    """The fixture's field `dotenv`: whether `.env` files are read, and from which folder."""

    enabled: bool = once("bool", default=True)
    path: str = once("string", default="")
    place: SourceLocation = _NOWHERE


@dataclass
class Fixture:
    """A fixture. Its fields in `by_hand` are read without a schema, because headers and properties have arbitrary names."""

    by_hand: ClassVar[tuple[str, ...]] = ("request", "response", "properties")

    description: str = once("string", default="")
    app_type: str = once("string", default="proxy-wasm", json="appType")
    schema: str = once("string", default="", json="$schema")
    wasm: Wasm | None = once(Wasm)
    dotenv: Dotenv | None = once(Dotenv)
    dotenv_enabled: bool = once("bool", default=True, json="dotenvEnabled")
    dotenv_path: str = once("string", default="", json="dotenvPath")
    log_level: int = once("int32", default=0, json="logLevel")
    http_port: int | None = once("int32", json="httpPort")
    place: SourceLocation = _NOWHERE

    request: Request | None = None
    response: Response | None = None
    properties: dict[str, Any] | None = None
    url: str = ""


def is_fixture(node: SyntaxNode) -> bool:
    """Return whether a JSON document is a fixture of fastedge-test, and not a suite of Service Extensions."""
    return isinstance(node, MessageNode) and any(e.name == "request" for e in node.entries)


def read_fixture(node: SyntaxNode, file: str) -> Fixture:
    """Convert a JSON document to a fixture.

    Parameters
    ----------
    node
        The JSON document.
    file
        Name of the file for error messages.

    Returns
    -------
    Fixture
        The fixture.

    Raises
    ------
    FixtureError
        The fixture is malformed. The message contains the line and the field.
    """
    place = SourceLocation(file, 1)
    if not isinstance(node, MessageNode):
        raise FixtureError("a fixture must be a JSON object.", place)
    by_hand = {e.name: e for e in node.entries if e.name in Fixture.by_hand}
    rest = MessageNode(node.line, [e for e in node.entries if e.name not in by_hand])
    fixture = fill(Fixture, rest, place, lenient=True)
    if fixture.app_type != "proxy-wasm":
        raise FixtureError(
            f"apps with appType {fixture.app_type!r} can't be run. Only appType 'proxy-wasm' is supported.", place
        )
    if "request" not in by_hand:
        raise FixtureError("`request` is missing. Add an object that contains at least `url`.", place)
    entry = by_hand["request"]
    fixture.request, fixture.url = _request(_fields(entry.value, place.into("request", entry.line)))
    if "response" in by_hand:
        entry = by_hand["response"]
        fixture.response = _response(_fields(entry.value, place.into("response", entry.line)))
    if "properties" in by_hand:
        entry = by_hand["properties"]
        values = _as_python(entry.value)
        if not isinstance(values, dict):
            raise FixtureError(
                "this field must be an object of names and values.", place.into("properties", entry.line)
            )
        fixture.properties = values
    return fixture


def _fields(node: SyntaxNode, place: SourceLocation) -> _JsonObject:
    if not isinstance(node, MessageNode):
        raise FixtureError("this field must be an object, written in braces.", place)
    return _JsonObject(node, place)


def _request(fields: _JsonObject) -> tuple[Request, str]:
    values = _check_names(fields, ("method", "url", "path", "headers", "body"))
    url = _string(values, "url", "", fields)
    if not url:
        raise FixtureError("`url` is missing. Write the full URL of the request.", fields.place)
    parts = urlsplit(_BUILT_IN_URL if url == _BUILT_IN else url)
    if not parts.scheme or not parts.hostname:
        raise FixtureError(
            f"{url!r} is not a full URL. Write it with scheme and host.", fields.place.into("url", values["url"].line)
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = _headers(values.get("headers"), fields)
    host = headers.get("host") or parts.netloc
    body = encode_text(_string(values, "body", "", fields))
    return Request(
        _string(values, "method", "GET", fields), path, headers, body, authority=host, scheme=parts.scheme
    ), url


def _response(fields: _JsonObject) -> Response:
    values = _check_names(fields, ("headers", "body", "status", "statusText"))
    status = _as_python(values["status"]) if "status" in values else 200
    if not isinstance(status, int) or not 100 <= status <= 599:
        message = f"the status must be a number from 100 to 599, not {status!r}."
        raise FixtureError(message, fields.place.into("status", values["status"].line))
    return Response(status, _headers(values.get("headers"), fields), encode_text(_string(values, "body", "", fields)))


def _check_names(fields: _JsonObject, names: tuple[str, ...]) -> dict[str, SyntaxNode]:
    for entry in fields.node.entries:
        if entry.name not in names:
            known = ", ".join(names)
            message = f"unknown field {entry.name!r}. Use one of {known}."
            raise FixtureError(message, fields.place.into(entry.name, entry.line))
    return {e.name: e.value for e in fields.node.entries}


def _string(values: dict[str, SyntaxNode], name: str, default: str, fields: _JsonObject) -> str:
    node = values.get(name)
    if node is None:
        return default
    if not isinstance(node, Scalar) or node.kind != "string":
        raise FixtureError("this field must be a string. Write it in quotes.", fields.place.into(name, node.line))
    return node.text


def _headers(node: SyntaxNode | None, fields: _JsonObject) -> Headers:
    headers = Headers()
    if node is None:
        return headers
    place = fields.place.into("headers", node.line)
    if not isinstance(node, MessageNode):
        raise FixtureError("headers must be an object of names and values.", place)
    for entry in node.entries:
        for value in entry.value.items if isinstance(entry.value, Many) else (entry.value,):
            if not isinstance(value, Scalar) or value.kind != "string":
                raise FixtureError(
                    "a header's value must be a string, or a list of strings.", place.into(entry.name, entry.line)
                )
            headers.add(entry.name, value.data)
    return headers


def _as_python(node: SyntaxNode) -> Any:
    """Convert a node to a value of Python's own types."""
    if isinstance(node, MessageNode):
        return {e.name: _as_python(e.value) for e in node.entries}
    if isinstance(node, Many):
        return [_as_python(n) for n in node.items]
    return node.text if node.kind == "string" else json.loads(node.text)


# -- running --------------------------------------------------------------------------------------------------------


def run_fixture(fixture: Fixture, path: Path, module: Any, config: bytes | None) -> CaseResult:
    """Send the fixture's request through a filter.

    Parameters
    ----------
    fixture
        The fixture.
    path
        Path of the fixture's file. Other files are searched in its folder.
    module
        The filter, as for `run_declarative`, or None for the module named in the fixture.
    config
        Plugin configuration, or None for an empty one.

    Returns
    -------
    CaseResult
        The result. If the filter fails, the test fails, and its error is a reason.
    """
    request = fixture.request
    assert request is not None
    result = CaseResult(fixture.description or path.stem, 1)
    started = perf_counter()
    try:
        wasm_filter = module if module is not None else _named_module(fixture, path)
        plugin = Plugin(wasm_filter, config=config or b"", environment=_variables(fixture, path))
        with Proxy(
            plugin, workers=1, upstream=fixture.response or _responder(fixture.url), log_level=_level(fixture)
        ) as proxy:
            proxy.server.properties = _properties(fixture)
            _play(proxy, request, result)
    except WasmnbError as error:
        result.reasons.append(str(error))
    result.seconds = perf_counter() - started
    return result


def _play(proxy: Proxy, request: Request, result: CaseResult) -> None:
    exchange = proxy.request(request.method, request.path, request.headers, request.body, authority=request.authority)
    result.exchange = exchange
    result.log = [line.text for line in exchange.log]
    if exchange.failure is not None:
        result.reasons.append(f"the filter failed: {failure_text(exchange.failure)}")
    elif exchange.state != "done":
        result.reasons.append(
            f"the client got no response: the exchange is {exchange.state} {exchange.paused}".rstrip()
        )


def _level(fixture: Fixture) -> Any:
    from ...abi import LogLevel

    return LogLevel(min(max(fixture.log_level, 0), 5))


def _named_module(fixture: Fixture, path: Path) -> Any:
    from ...compiler import Filter

    if fixture.wasm is None or not fixture.wasm.path:
        raise UsageError(f"The fixture {path} doesn't specify a module. Set wasm.path in the fixture, or pass module=.")
    sibling = path.parent / fixture.wasm.path
    return Filter.from_file(sibling if sibling.exists() else fixture.wasm.path)


def _responder(url: str) -> Any:
    def respond(request: Request) -> Response:
        code = (request.headers.get("x-debugger-status") or "").strip()
        status = int(code) if code.isdigit() and 100 <= int(code) <= 599 else 400 if code else 200
        mode = request.headers.get("x-debugger-content") or ""
        kind = request.headers.get("content-type") or "text/plain"
        kept = {n: v for n, v in request.headers.items() if not n.startswith("x-debugger-")}
        echo = {"method": request.method, "reqHeaders": kept, "reqBody": request.text, "requestUrl": url}
        if mode == "status-only":
            kind, body = "text/plain", b""
        elif mode == "body-only":
            body = request.body
        else:
            kind, body = "application/json", json.dumps(echo, separators=(",", ":")).encode()
        return Response(status, Headers([("content-type", kind)]), body)

    return respond


def _properties(fixture: Fixture) -> dict[bytes, bytes]:
    """Return the stream's properties as bytes: those derived from the URL, overridden by those in the fixture."""
    parts = urlsplit(_BUILT_IN_URL if fixture.url == _BUILT_IN else fixture.url)
    path = parts.path or "/"
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    values: dict[str, Any] = {
        "request.url": fixture.url, "request.host": parts.netloc, "request.path": path, "request.query": parts.query,
        "request.scheme": parts.scheme, "request.extension": extension if stem and dot else "",
    }  # fmt: skip
    values.update(fixture.properties or {})
    return {encode_text(name): _as_bytes(value) for name, value in values.items()}


def _as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _variables(fixture: Fixture, path: Path) -> dict[str, str]:
    """Read the variables in the `.env` files in the fixture's folder."""
    enabled = fixture.dotenv.enabled if fixture.dotenv is not None else fixture.dotenv_enabled
    if not enabled:
        return {}
    configured = fixture.dotenv.path if fixture.dotenv is not None else fixture.dotenv_path
    location = path.parent / configured if configured else path.parent
    variables: dict[str, str] = {}
    for name, value in _dotenv(location / ".env" if location.is_dir() else location).items():
        prefix = next((p for p in _PREFIXES if name.startswith(p)), None)
        if prefix is not None:
            variables[name.removeprefix(prefix)] = value
    for name in _PLAIN_FILES if location.is_dir() else ():
        variables.update(_dotenv(location / name))
    return variables


def _dotenv(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    variables = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and name.strip() and not name.startswith("#"):
            text = value.strip()
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            variables[name.strip()] = text[1:-1] if quoted else text
    return variables

"""Writer of the code of a generated test: its upstreams, requests, and assertions about the filter's changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...host import GrpcReply, TcpReply
from ...messages import Headers, Request, Response, to_bytes, to_text
from ...view import visible
from ...view.render.units import plural
from ..assertions.callouts import callouts
from .expectations import Expectations
from .filter_code import FilterSources
from .literals import header_literal, quoted, short
from .recipe import ConnectionStep, Recipe, RequestStep

__all__ = ["TestWriter"]

#: Headers that the proxy, and not the filter, sets or changes.
_OF_PROXY = re.compile(
    rb"x-envoy-.*|x-request-id|x-forwarded-proto|x-forwarded-for|content-length|transfer-encoding|date|server|connection|host"
)

#: Longest line of the code, and largest body that is written in full, in characters.
_WIDTH, _BODY = 110, 1000

#: Maximum number of log lines that are asserted for each exchange.
_LINES = 20


class TestWriter:
    """Writer of the code of one generated test.

    Parameters
    ----------
    chain
        Filters of the test.
    recipe
        Steps and upstreams of the test.
    runs
        The exchanges of two runs of the recipe.
    recorded
        The recorded exchanges, which the test repeats.
    settings
        Additional arguments of `wasm_proxy`, as code.
    """

    __test__ = False  # tells pytest that this class is not a test

    def __init__(
        self,
        chain: FilterSources,
        recipe: Recipe,
        runs: tuple[Sequence[Any], Sequence[Any]],
        recorded: Sequence[Any],
        settings: Sequence[str],
    ) -> None:
        self._chain = chain
        self._recipe = recipe
        self._runs = runs
        self._recorded = recorded
        self._settings = settings
        self._values = Expectations()
        self._names: set[str] = set()

    def code(self, name: str) -> str:
        """Return the code of the test file.

        Parameters
        ----------
        name
            Name of the test function.
        """
        body = [*self._upstreams(), *self._proxy()]
        for number, step in enumerate(self._recipe.steps):
            body += ["", *self._step(number, step)]
        names = sorted(self._names | self._values.names)
        imports = [] if self._chain.plain else ["from wasmnb import Plugin"]
        imports += [f"from wasmnb.testing import {', '.join(names)}"] if names else []
        head = [*imports, "", *self._chain.sources(), "", "", f"def {name}({', '.join(self._chain.fixtures)}):"]
        docs = [f'    """{line}"""' for line in [self._title()]]
        return "\n".join([*head, *docs, *(f"    {line}".rstrip() for line in body)]) + "\n"

    def _title(self) -> str:
        numbers = [exchange.number for exchange in self._recorded]
        span = f"Exchange {numbers[0]}" if len(numbers) == 1 else f"Exchanges {', '.join(map(str, numbers))}"
        masked = sum(self._recipe.masked.values())
        return f"{span} of a proxy." + (f" {plural(masked, 'secret')} masked." if masked else "")

    # -- the proxy --------------------------------------------------------------------------------------------------

    def _upstreams(self) -> Iterator[str]:
        if self._recipe.origin:
            yield from self._call("origin = upstream", map(self._reply, self._recipe.origin))
        for number, replies in enumerate(self._recipe.services.values(), 1):
            yield from self._call(f"service{number} = upstream", map(self._reply, _without_repeats(replies)))

    def _reply(self, reply: Any) -> str:
        if isinstance(reply, GrpcReply):
            self._names.add("grpc_reply")
            status = [f"status={reply.status}", f"message={quoted(reply.message)}"] if reply.status else []
            return f"grpc_reply({', '.join([*map(quoted, reply.messages), *status])})"
        if isinstance(reply, TcpReply):
            self._names.add("tcp_reply")
            return f"tcp_reply({short(reply.data)}{', close=True' if reply.close else ''})"
        if not reply.status:
            self._names.add("failing")
            return "failing()"
        self._names.add("response")
        parts = [str(reply.status)] if reply.status != 200 else []
        parts += [f"headers={header_literal(reply.headers.raw)}"] if reply.headers.raw else []
        parts += self._body(reply)
        parts += [f"latency={reply.latency}"] if reply.latency else []
        parts += [f"delays={reply.delays!r}"] if reply.delays else []
        parts += ["reset=True"] if reply.reset else []
        return f"response({', '.join(parts)})"

    @staticmethod
    def _body(message: Request | Response) -> list[str]:
        parts = []
        if message.chunks is not None:
            parts.append(f"chunks=[{', '.join(map(short, message.chunks))}]")
        elif message.body:
            parts.append(f"body={short(message.body)}")
        if message.trailers.raw:
            parts.append(f"trailers={header_literal(message.trailers.raw)}")
        return parts

    def _proxy(self) -> Iterator[str]:
        arguments = [*self._chain.arguments(), *self._settings]
        if self._recipe.origin:
            self._names.add("upstream")
            arguments.append("upstream=origin")
        if self._recipe.services:
            self._names.add("upstream")
            named = (f"{quoted(name)}: service{n}" for n, name in enumerate(self._recipe.services, 1))
            arguments.append(f"clusters={{{', '.join(named)}}}")
        yield from self._call("proxy = wasm_proxy", arguments)

    # -- one step ---------------------------------------------------------------------------------------------------

    def _step(self, number: int, step: RequestStep | ConnectionStep) -> Iterator[str]:
        first, second = (run[number] for run in self._runs)
        recorded = self._recorded[number]
        yield from self._changed(recorded, first)
        if isinstance(step, ConnectionStep):
            yield from self._connection(step, first, second)
            return
        request = step.request
        arguments = [quoted(request.method), short(to_bytes(request.path))]
        arguments += [header_literal(request.headers.raw)] if request.headers.raw else []
        arguments += self._body(request)
        arguments += [f"authority={quoted(request.authority)}"] if request.authority != "example.com" else []
        arguments += [f"{name}={value!r}" for name, value in step.options.items()]
        arguments += [f"worker={step.worker}"] if any(s.worker != 1 for s in self._recipe.steps) else []
        yield from self._call("x = proxy.request", arguments)
        yield from self._upstream_request(first, second)
        yield from self._response(first, second)
        yield from self._callouts(first, second)
        yield from self._log(first, second)

    def _changed(self, recorded: Any, repeated: Any) -> Iterator[str]:
        """Yield a comment if the outcome in a new proxy differs from the recorded one."""
        before, after = _outcome(recorded), _outcome(repeated)
        if before != after:
            reason = (
                "Secrets are masked, or earlier requests matter" if self._recipe.masked else "Earlier requests matter"
            )
            yield f"# The recorded outcome was different: {before}. {reason}."

    def _connection(self, step: ConnectionStep, first: Any, second: Any) -> Iterator[str]:
        worker = f"worker={step.worker}" if step.worker != 1 else ""
        yield f"connection = proxy.connect({worker})"
        yield from self._call("connection.send", [quoted(step.data)])
        yield "x = connection.end().exchange"
        for name in ("received", "upstream_received"):
            value = getattr(first, name)
            if value == getattr(second, name):
                yield f"assert x.{name} == {quoted(value)}"
        yield f"assert x.state == {quoted(first.state)}"
        yield from self._log(first, second)

    def _upstream_request(self, first: Any, second: Any) -> Iterator[str]:
        sent, other = first.upstream_request, second.upstream_request
        if sent is None or other is None:
            self._names.add("assert_not_forwarded")
            yield "assert_not_forwarded(x)"
            return
        parts = [
            f"{name}={quoted(getattr(sent, name))}"
            for name in ("method",)
            if getattr(sent, name) != getattr(first.request, name)
        ]
        path = self._values.of(sent.path, other.path)
        parts += [f"path={path}"] if sent.path != first.request.path else []
        headers = self._headers(first.request.headers, sent.headers, other.headers)
        parts += [f"headers={headers}"] if headers else []
        if sent.body != first.request.body:
            parts += self._expected_body(sent, other)
        self._names.add("assert_request")
        yield from self._call("assert_request", ["x", *(parts or [f"path={path}"])])

    def _response(self, first: Any, second: Any) -> Iterator[str]:
        received, other = first.response, second.response
        if received is None or other is None or not received.status:
            yield f"assert x.state == {quoted(first.state)}" if received is None else "assert x.response.status == 0"
            return
        before = first.upstream_response.headers if first.upstream_response is not None else Headers()
        headers = self._headers(before, received.headers, other.headers)
        parts = [
            str(received.status),
            *([f"headers={headers}"] if headers else []),
            *self._expected_body(received, other),
        ]
        self._names.add("assert_response")
        yield from self._call("assert_response", ["x", *parts])

    def _headers(self, before: Headers, after: Headers, other: Headers) -> str:
        """Return the code of the expected headers that the filter has added, changed or removed."""
        items = []
        for name in dict.fromkeys([*(n for n, _ in after.raw), *(n for n, _ in before.raw)]):
            if _OF_PROXY.fullmatch(name):
                continue
            values, again = after.get_all(name), other.get_all(name)
            if values == before.get_all(name):
                continue
            if not values:
                self._names.add("ABSENT")
                items.append(f"{short(name)}: ABSENT")
            elif len(values) == len(again):
                codes = [self._values.of(a, b) for a, b in zip(values, again, strict=True)]
                items.append(f"{short(name)}: {codes[0] if len(codes) == 1 else '[' + ', '.join(codes) + ']'}")
        return "{" + ", ".join(items) + "}" if items else ""

    def _expected_body(self, message: Any, other: Any) -> list[str]:
        body = message.body
        if not body and not other.body:
            return []
        if body == other.body and len(body) > _BODY:
            return [f"body=lambda body: len(body) == {len(to_text(body))}"]
        if body != other.body:
            return [f"body={self._values.of(to_text(body), to_text(other.body))}"] if len(body) <= _BODY else []
        if "json" in (message.headers.get("content-type") or ""):
            try:
                value = json.loads(body)
            except ValueError:
                pass
            else:
                self._names.add("json_of")
                return [f"body=json_of({value!r})"]
        return [f"body={short(body)}"]

    def _callouts(self, first: Any, second: Any) -> Iterator[str]:
        ours, theirs = callouts(first), callouts(second)
        if not ours or len(ours) != len(theirs):
            return
        self._names |= {"assert_callouts", "callout"}
        calls = []
        for call, other in zip(ours, theirs, strict=True):
            method = call.headers.get(":method")
            parts = [f"method={quoted(method)}"] if method not in (None, "GET") and call.kind == "http" else []
            parts += [f"path={self._values.of(call.path, other.path)}"]
            extra = self._headers(
                Headers([(n, v) for n, v in call.headers.items() if n.startswith(":")]), call.headers, other.headers
            )
            parts += [f"headers={extra}"] if extra and call.kind == "http" else []
            if call.body and len(call.body) <= _BODY and call.body.isascii():
                parts.append(f"body={self._values.of(to_text(call.body), to_text(other.body))}")
            calls.append(f"callout({', '.join([quoted(call.cluster), *parts])})")
        yield from self._call("assert_callouts", ["x", f"[{', '.join(calls)}]"])

    def _log(self, first: Any, second: Any) -> Iterator[str]:
        lines = [[line for line in run.log if line.source == "filter"] for run in (first, second)]
        if len(lines[0]) != len(lines[1]):
            return
        for ours, theirs in list(zip(*lines, strict=True))[:_LINES]:
            if "\n" in ours.text or not ours.text:
                continue  # a traceback contains line numbers, which change with the file
            self._names.add("assert_log")
            level = "" if ours.level.name == "INFO" else f", level={quoted(ours.level.name.lower())}"
            yield f"assert_log(x, {self._values.of(ours.text, theirs.text)}{level})"

    def _call(self, name: str, arguments: Iterable[str]) -> list[str]:
        """Return the lines of a call: one line if it is short enough, otherwise one line for each argument."""
        if name.endswith("upstream"):
            self._names.add("upstream")
        parts = list(arguments)
        line = f"{name}({', '.join(parts)})"
        if len(line) <= _WIDTH:
            return [line]
        return [f"{name}(", *(f"    {part}," for part in parts), ")"]


def _without_repeats(replies: list[Any]) -> list[Any]:
    """Return replies without equal replies at the end, because a scripted upstream repeats its last reply."""
    kept = list(replies)
    while len(kept) > 1 and kept[-1] == kept[-2]:
        kept.pop()
    return kept


def _outcome(exchange: Any) -> str:
    """Describe the outcome of an exchange in a few words."""
    if hasattr(exchange, "received"):
        return f"{exchange.state}, {len(exchange.received)} bytes received"
    status = exchange.response.status if exchange.response is not None else "no response"
    return visible(f"{status}, {'forwarded' if exchange.upstream_request is not None else 'not forwarded'}")

"""Makes scenarios, and changes them. Everything is drawn from one seeded source of randomness."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from .scenario import Answer, Body, Leave, Open, Pairs, Pass, Scenario, Script, Send, Step, Trailers
from .vocabulary import Vocabulary

__all__ = ["Generator", "seeds"]

_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
_STATUSES = (200, 200, 204, 301, 302, 400, 401, 403, 404, 429, 500, 502, 503)
_LATENCIES = (0.0, 0.0, 0.001, 0.1, 1.0, 10.0, 40.0)
_PAUSES = (0.001, 0.05, 0.5, 2.0, 10.0, 61.0)
_ODD = (
    b"",
    b"\xff\xfe",
    b"\xc3\x28",
    b"%",
    b"%zz",
    b"\x80abc",
    "€uro".encode(),
    b"a" * 300,
    b"1e999",
    b"-1",
    b"null",
    b"=;,",
)
_SIZES = (0, 1, 2, 7, 64, 1000, 4096, 70_000)


def seeds(words: Vocabulary) -> list[Scenario]:
    """Scenarios to begin with: one of each kind, and every word of the filter's own once."""
    found = [
        Scenario((Send(),)),
        Scenario((Send("POST", body=b"hello"),)),
        Scenario((Send("POST", chunks=(b"he", b"", b"llo")),)),
        Scenario((Send("POST", headers=((b"content-type", b"application/json"),), body=b'{"a": 1}'),)),
        Scenario((Send("POST", body=b"x", trailers=((b"x-end", b"1"),)),)),
        Scenario((Send("HEAD"),)),
        Scenario((Send(http2=True), Send("POST", body=b"\xff\xfe", http2=True))),
        Scenario((Script(services=(Answer(500),)), Send())),
        Scenario((Script(services=(Answer(0, reset=True),)), Send())),
        Scenario((Script((Answer(0, reset=True), Answer(503))), Send(), Send())),
        Scenario((Open(0), Leave(0), Pass(2.0))),
        Scenario(
            (
                Script(services=(Answer(latency=0.1),)),
                Open(0),
                Open(1),
                Body(0, b"a", end=True),
                Body(1, b"b", end=True),
            )
        ),
    ]
    found += [Scenario((Send(path=path),)) for path in words.paths[:40]]
    for name in words.names[: min(words.own, 60)]:
        found.append(Scenario(tuple(Send(headers=((name.encode(), value.encode()),)) for value in words.values[:20])))
    return found


class Generator:
    """Draws scenarios.

    Parameters
    ----------
    words
        What the filter knows.
    random
        Where everything is drawn from.
    """

    def __init__(self, words: Vocabulary, random: Random) -> None:
        self.words = words
        self.random = random

    # -- new things -----------------------------------------------------------------------------------------------

    def scenario(self) -> Scenario:
        """A new one."""
        random = self.random
        make = random.choice((self._requests, self._requests, self._interleaved))
        script = Script(self._some(self.answer, 2), self._some(self.answer, 2))
        return Scenario((script, *make()) if script != Script() else make())

    def _some(self, make: Callable[[], Any], most: int) -> tuple[Any, ...]:
        return tuple(make() for _ in range(self.random.randint(0, most)))

    def _requests(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for _ in range(self.random.choice((1, 1, 2, 3, 6))):
            steps.append(self.request())
            if self.random.random() < 0.2:
                steps.append(Pass(self.random.choice(_PAUSES)))
        return tuple(steps)

    def _interleaved(self) -> tuple[Step, ...]:
        """Several streams whose steps are shuffled, each in its own order."""
        random = self.random
        queues: list[list[Step]] = [self._stream(n) for n in range(random.choice((2, 2, 3)))]
        steps: list[Step] = []
        while any(queues):
            steps.append(random.choice([q for q in queues if q]).pop(0))
            if random.random() < 0.15:
                steps.append(Pass(random.choice(_PAUSES)))
        return tuple(steps)

    def _stream(self, name: int) -> list[Step]:
        random = self.random
        head = self.request()
        end = random.random() < 0.4
        steps: list[Step] = [Open(name, head.method, head.path, head.headers, end, head.http2)]
        if not end:
            steps += [Body(name, self.data()) for _ in range(random.randint(0, 2))]
            steps.append(
                random.choice(
                    (Body(name, self.data(), end=True), Body(name, b"", end=True), Trailers(name, self.pairs(2)))
                )
            )
        if random.random() < 0.25:
            steps[random.randint(1, len(steps)) :] = [Leave(name)]
        return steps

    def request(self) -> Send:
        """A whole request."""
        random = self.random
        method = random.choice(_METHODS) if random.random() < 0.3 else random.choice(("GET", "POST"))
        with_body = method in ("POST", "PUT", "PATCH") and random.random() < 0.8
        chunks = (
            tuple(self.data() for _ in range(random.randint(0, 3))) if with_body and random.random() < 0.4 else None
        )
        body = self.data() if with_body and chunks is None else b""
        trailers = self.pairs(2) if with_body and random.random() < 0.2 else ()
        return Send(method, self.path(), self.pairs(4), body, chunks, trailers, random.random() < 0.2)

    def answer(self) -> Answer:
        """What an upstream says."""
        random = self.random
        if random.random() < 0.12:
            return Answer(0, reset=True)
        status = (
            random.choice(self.words.numbers)
            if self.words.numbers and random.random() < 0.2
            else random.choice(_STATUSES)
        )
        status = status if 200 <= status <= 599 else 200
        body = self.data() if random.random() < 0.6 else b""
        trailers = self.pairs(1) if random.random() < 0.1 else ()
        return Answer(status, self.pairs(2), body, trailers, random.choice(_LATENCIES), random.random() < 0.05)

    def path(self) -> str:
        """A request target."""
        random = self.random
        if random.random() < 0.5:
            return random.choice(self.words.paths)
        parts = "/".join(self._token() for _ in range(random.randint(0, 3)))
        query = (
            "?" + "&".join(f"{self._token()}={self._token()}" for _ in range(random.randint(0, 3)))
            if random.random() < 0.4
            else ""
        )
        return f"/{parts}{query}"

    def _token(self) -> str:
        word = self.random.choice((*self.words.keys, *self.words.names, "a", "", "%", "%2F", "..", "x" * 40))
        return "".join(c for c in word if 0x21 <= ord(c) < 0x7F and c not in "?#")

    def pairs(self, most: int) -> Pairs:
        """Headers."""
        return tuple(self.pair() for _ in range(self.random.randint(0, most)))

    def pair(self) -> tuple[bytes, bytes]:
        """One header."""
        random, words = self.random, self.words
        own = words.own and random.random() < 0.7
        name = random.choice(words.names[: words.own] if own else words.names)
        return name.encode(), self.header_value()

    def header_value(self) -> bytes:
        """A value that the codec takes: no control characters."""
        random = self.random
        kind = random.random()
        if kind < 0.5:
            value = random.choice(self.words.values).encode()
        elif kind < 0.7:
            value = str(self.number()).encode()
        elif kind < 0.9:
            value = random.choice(_ODD)
        else:
            value = bytes(random.choice(b"abcXYZ019 -_=%/;,.\xe9") for _ in range(random.choice((1, 5, 30, 200))))
        return bytes(c for c in value if c >= 0x20 and c != 0x7F).strip()

    def number(self) -> int:
        """A number that may matter, or one beside it."""
        random = self.random
        if self.words.numbers and random.random() < 0.6:
            return random.choice(self.words.numbers) + random.choice((-1, 0, 0, 1))
        return random.choice((0, 1, -1, 10, 255, 1 << 31, 10**18))

    def data(self) -> bytes:
        """A body, or a piece of one."""
        random = self.random
        kind = random.random()
        if kind < 0.35:
            return json.dumps(self.json(2)).encode()
        if kind < 0.5:
            return random.choice(_ODD)
        if kind < 0.65:
            return random.choice(self.words.values).encode()
        if kind < 0.75:
            return "&".join(f"{self._token()}={self._token()}" for _ in range(random.randint(1, 3))).encode()
        size = min(abs(self.number()), 100_000) if random.random() < 0.3 else random.choice(_SIZES)
        return random.randbytes(size) if random.random() < 0.3 else bytes([random.choice(b"ab%{<\x00")]) * size

    def json(self, depth: int) -> Any:
        """A value for JSON, with keys that the filter knows."""
        random = self.random
        if depth and random.random() < 0.7:
            keys = [random.choice(self.words.keys or ["a"]) for _ in range(random.randint(0, 4))]
            if random.random() < 0.85:
                return {key: self.json(depth - 1) for key in keys}
            return [self.json(depth - 1) for _ in keys]
        return random.choice((None, True, 0, -1, 1.5, "", self.number(), random.choice(self.words.values), "é", [], {}))

    # -- changes --------------------------------------------------------------------------------------------------

    def change(self, scenario: Scenario) -> Scenario:
        """A scenario with one to three changes."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            scenario = self.random.choice((self._change_step, self._change_step, self._add_step, self._change_script))(
                scenario
            )
        return scenario

    def _change_step(self, scenario: Scenario) -> Scenario:
        if not scenario.steps:
            return self._add_step(scenario)
        at = self.random.randrange(len(scenario.steps))
        step = self._changed(scenario.steps[at])
        return scenario.with_steps(scenario.steps[:at], [step], scenario.steps[at + 1 :])

    def _changed(self, step: Step) -> Step:
        random = self.random
        if isinstance(step, Pass):
            return Pass(random.choice(_PAUSES))
        if isinstance(step, Body):
            return replace(step, data=self.data())
        if isinstance(step, Send | Open):
            choices: list[dict[str, Any]] = [
                {"path": self.path()},
                {"method": random.choice(_METHODS)},
                {"headers": self._changed_pairs(step.headers)},
            ]
            if isinstance(step, Send) and step.chunks is None:
                choices.append({"body": self._changed_data(step.body)})
            return replace(step, **random.choice(choices))
        return step

    def _changed_pairs(self, pairs: Pairs) -> Pairs:
        random = self.random
        if not pairs or random.random() < 0.4:
            return (*pairs, self.pair())
        at = random.randrange(len(pairs))
        if random.random() < 0.3:
            return pairs[:at] + pairs[at + 1 :]
        return (*pairs[:at], (pairs[at][0], self.header_value()), *pairs[at + 1 :])

    def _changed_data(self, data: bytes) -> bytes:
        random = self.random
        if not data or random.random() < 0.4:
            return self.data()
        at = random.randrange(len(data))
        return random.choice((data[:at], data[:at] + random.choice(_ODD) + data[at:], data + data, data[at:]))[:200_000]

    def _add_step(self, scenario: Scenario) -> Scenario:
        random = self.random
        if random.random() < 0.3 and scenario.steps:
            return scenario.with_steps(scenario.steps, [random.choice(scenario.steps)])
        if random.random() < 0.6:
            return scenario.with_steps(scenario.steps, [self.request()])
        return scenario + Scenario(self._interleaved())

    def _change_script(self, scenario: Scenario) -> Scenario:
        """Add an answer, or take one away."""
        at = next((i for i, step in enumerate(scenario.steps) if isinstance(step, Script)), None)
        if at is None:
            return Scenario((Script(self._some(self.answer, 1), (self.answer(),)), *scenario.steps))
        script = scenario.steps[at]
        which = self.random.choice(("answers", "services"))
        there = getattr(script, which)
        if there and self.random.random() < 0.4:
            lost = self.random.randrange(len(there))
            changed = there[:lost] + there[lost + 1 :]
        else:
            changed = (*there, self.answer())
        return scenario.with_steps(scenario.steps[:at], [replace(script, **{which: changed})], scenario.steps[at + 1 :])

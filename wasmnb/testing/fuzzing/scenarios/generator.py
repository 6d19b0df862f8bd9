"""Makes scenarios. Everything is drawn from one seeded source of randomness."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from .scenario import (
    Answer,
    Body,
    Close,
    Connect,
    Data,
    Enqueue,
    GrpcAnswer,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Reply,
    Scenario,
    Script,
    Send,
    Step,
    TcpAnswer,
    Trailers,
)  # fmt: skip
from .value_generator import LATENCIES, METHODS, PAUSES, STATUSES, Drawing
from .vocabulary import Vocabulary

__all__ = ["Generator"]

#: gRPC statuses: the ones that callers tend to look at, and the rest.
_GRPC_STATUSES = (0, 0, 0, 1, 2, 4, 5, 7, 8, 13, 14, 16)


class Generator(Drawing):
    """Draws scenarios.

    Parameters
    ----------
    words
        What the filter knows.
    random
        Where everything is drawn from.
    abilities
        What the filter can do; what it cannot is left out.
    network
        Clients open TCP connections instead of sending requests.
    """

    def __init__(
        self, words: Vocabulary, random: Random, abilities: frozenset[str] = frozenset(), *, network: bool = False
    ) -> None:
        super().__init__(words, random)
        self.abilities = abilities
        self.network = network
        self.calls = bool({"http_call", "grpc"} & abilities)

    def scenario(self) -> Scenario:
        """A new one."""
        random = self.random
        make = self._interleaved if self.network else random.choice((self._requests, self._requests, self._interleaved))
        steps = list(make())
        for event, probability in self._events():
            if random.random() < probability:
                steps.insert(random.randint(0, len(steps)), event())
        script = self.script()
        return Scenario((script, *steps) if script != Script() else tuple(steps))

    def _events(self) -> list[tuple[Callable[[], Step], float]]:
        """What may happen beside requests, and how likely each is."""
        found: list[tuple[Callable[[], Step], float]] = []
        if "time" in self.abilities:
            found.append((self.pause, 0.5))
        if self.words.queues:
            found += [(self.item, 0.5), (self.item, 0.3)]
        if "config" in self.abilities:
            found.append((self.configuration, 0.35))
        return found

    # -- clients --------------------------------------------------------------------------------------------------

    def _requests(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for _ in range(self.random.choice((1, 1, 2, 3, 6))):
            steps.append(self.request())
            if self.random.random() < 0.2:
                steps.append(self.pause())
        return tuple(steps)

    def _interleaved(self) -> tuple[Step, ...]:
        """Several streams whose steps are shuffled, each in its own order."""
        random = self.random
        make = self._connection if self.network else self._stream
        queues: list[list[Step]] = [make(n) for n in range(random.choice((1, 1, 2, 3) if self.network else (2, 2, 3)))]
        steps: list[Step] = []
        while any(queues):
            steps.append(random.choice([q for q in queues if q]).pop(0))
            if random.random() < 0.15:
                steps.append(self.pause())
        return tuple(steps)

    def _stream(self, name: int) -> list[Step]:
        random = self.random
        head = self.request()
        end = random.random() < 0.4
        steps: list[Step] = [Open(name, head.method, head.path, head.headers, end, head.http2, head.worker)]
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

    def _connection(self, name: int) -> list[Step]:
        """A TCP connection: messages, some of them in two pieces, and its end."""
        random = self.random
        steps: list[Step] = [Connect(name, self.worker())]
        for _ in range(random.choice((0, 1, 1, 2, 4))):
            data = self.message()
            cut = random.randrange(len(data)) if data and random.random() < 0.4 else 0
            steps += [Data(name, piece) for piece in (data[:cut], data[cut:]) if piece]
        end = random.choice(
            ([], [], [Data(name, b"", end=True)], [Data(name, self.message(), end=True)], [Close(name)], [Leave(name)])
        )
        return [*steps, *end]

    def request(self) -> Send:
        """A whole request."""
        random = self.random
        method = random.choice(METHODS) if random.random() < 0.3 else random.choice(("GET", "POST"))
        with_body = method in ("POST", "PUT", "PATCH") and random.random() < 0.8
        chunks = (
            tuple(self.data() for _ in range(random.randint(0, 3))) if with_body and random.random() < 0.4 else None
        )
        body = self.data() if with_body and chunks is None else b""
        trailers = self.pairs(2) if with_body and random.random() < 0.2 else ()
        http2 = random.random() < 0.2
        return Send(method, self.path(), self.pairs(4), body, chunks, trailers, http2, self.worker())

    def worker(self) -> int:
        """The worker that serves it; a proxy with fewer takes the rest of a division."""
        return self.random.choice((1, 1, 2, 3)) if "shared" in self.abilities else 1

    # -- servers --------------------------------------------------------------------------------------------------

    def script(self) -> Script:
        """What upstream and services answer."""
        answers = self.some(self.tcp_answer if self.network else self.answer, 2)
        services = self.some(self.service, 2)
        return Script(answers, services, not (self.calls and self.chance(0.04)))

    def service(self) -> Reply:
        """What a called service answers."""
        if "grpc" in self.abilities and ("http_call" not in self.abilities or self.chance(0.5)):
            return self.answer() if self.chance(0.1) else self.grpc_answer()
        return self.answer()

    def answer(self) -> Answer:
        """What an HTTP server says."""
        random = self.random
        if random.random() < 0.12:
            return Answer(0, reset=True)
        if random.random() < 0.05:
            return Answer(refused=True)
        status = (
            random.choice(self.words.numbers)
            if self.words.numbers and random.random() < 0.2
            else random.choice(STATUSES)
        )
        status = status if 200 <= status <= 599 else 200
        body = self.data() if random.random() < 0.6 else b""
        trailers = self.pairs(1) if random.random() < 0.1 else ()
        return Answer(status, self.pairs(2), body, trailers, random.choice(LATENCIES), random.random() < 0.05)

    def grpc_answer(self) -> GrpcAnswer:
        """What a gRPC server says to a message."""
        random = self.random
        if random.random() < 0.1:
            return GrpcAnswer(reset=True)
        status = random.choice(_GRPC_STATUSES) if random.random() < 0.6 else None
        messages = tuple(
            random.choice((b"", self.message(), self.data()[:5000])) for _ in range(random.choice((0, 1, 1, 1, 2)))
        )
        return GrpcAnswer(messages, status, "no" if status else "", random.choice(LATENCIES))

    def tcp_answer(self) -> TcpAnswer:
        """What a TCP server does when bytes arrive."""
        random = self.random
        data = b"" if random.random() < 0.2 else self.message()
        return TcpAnswer(data, random.random() < 0.25, random.choice((0.0, 0.0, *LATENCIES)))

    # -- events ---------------------------------------------------------------------------------------------------

    def pause(self) -> Pass:
        """Virtual time."""
        return Pass(self.random.choice(PAUSES))

    def configuration(self) -> Reconfigure:
        """Another configuration: JSON with keys that the filter knows mostly."""
        random = self.random
        if random.random() < 0.8:
            keys = [random.choice(self.words.keys or ["a"]) for _ in range(random.randint(0, 3))]
            return Reconfigure(json.dumps({key: self.json(1) for key in keys}).encode())
        return Reconfigure(self.data()[:5000])

    def item(self) -> Enqueue:
        """An item for a queue of the filter's own."""
        name = self.random.choice(self.words.queues)
        return Enqueue(name, self.message() if self.chance(0.5) else self.data()[:5000])

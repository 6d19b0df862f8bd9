"""Generator of random scenarios. All choices come from one seeded random number generator, so that they can be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from .scenario import (
    BodyChunk,
    Close,
    Connect,
    Data,
    Enqueue,
    GrpcServiceResponse,
    HttpServiceResponse,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Scenario,
    Script,
    Send,
    ServiceResponse,
    Step,
    TcpServiceResponse,
    Trailers,
)  # fmt: skip
from .value_generator import LATENCIES, METHODS, PAUSES, STATUSES, ValueGenerator
from .vocabulary import Vocabulary

__all__ = ["Generator"]

#: gRPC statuses from which responses are chosen. Frequent ones are repeated.
_GRPC_STATUSES = (0, 0, 0, 1, 2, 4, 5, 7, 8, 13, 14, 16)


class Generator(ValueGenerator):
    """Generator of random scenarios for a filter.

    Parameters
    ----------
    vocabulary
        Strings and numbers in the filter.
    random
        Random number generator.
    capabilities
        Capabilities of the filter. Steps for other capabilities aren't generated (default none).
    network
        Whether clients open TCP connections instead of sending requests (default False).
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        random: Random,
        capabilities: frozenset[str] = frozenset(),
        *,
        network: bool = False,
    ) -> None:
        super().__init__(vocabulary, random)
        self.capabilities = capabilities
        self.network = network
        self.calls = bool({"http_call", "grpc"} & capabilities)

    def scenario(self) -> Scenario:
        """Generate a scenario."""
        random = self.random
        make = self._interleaved if self.network else random.choice((self._requests, self._requests, self._interleaved))
        steps = list(make())
        for event, probability in self._events():
            if random.random() < probability:
                steps.insert(random.randint(0, len(steps)), event())
        script = self.script()
        return Scenario((script, *steps) if script != Script() else tuple(steps))

    def _events(self) -> list[tuple[Callable[[], Step], float]]:
        """Return functions that generate steps other than requests, each with its probability."""
        events: list[tuple[Callable[[], Step], float]] = []
        if "time" in self.capabilities:
            events.append((self.pause, 0.5))
        if self.vocabulary.queues:
            events += [(self.queue_item, 0.5), (self.queue_item, 0.3)]
        if "config" in self.capabilities:
            events.append((self.configuration, 0.35))
        return events

    # -- clients --------------------------------------------------------------------------------------------------

    def _requests(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for _ in range(self.random.choice((1, 1, 2, 3, 6))):
            steps.append(self.request())
            if self.random.random() < 0.2:
                steps.append(self.pause())
        return tuple(steps)

    def _interleaved(self) -> tuple[Step, ...]:
        """Generate the steps of several streams that run at the same time."""
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
            steps += [BodyChunk(name, self.data()) for _ in range(random.randint(0, 2))]
            steps.append(
                random.choice(
                    (
                        BodyChunk(name, self.data(), end=True),
                        BodyChunk(name, b"", end=True),
                        Trailers(name, self.pairs(2)),
                    )
                )
            )
        if random.random() < 0.25:
            steps[random.randint(1, len(steps)) :] = [Leave(name)]
        return steps

    def _connection(self, name: int) -> list[Step]:
        """Generate the steps of a TCP connection: messages, some of which are split into two chunks, and the end."""
        random = self.random
        steps: list[Step] = [Connect(name, self.worker())]
        for _ in range(random.choice((0, 1, 1, 2, 4))):
            data = self.message()
            cut = random.randrange(len(data)) if data and random.random() < 0.4 else 0
            steps += [Data(name, chunk) for chunk in (data[:cut], data[cut:]) if chunk]
        end = random.choice(
            ([], [], [Data(name, b"", end=True)], [Data(name, self.message(), end=True)], [Close(name)], [Leave(name)])
        )
        return [*steps, *end]

    def request(self) -> Send:
        """Generate a complete request."""
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
        """Generate the number of a worker. It is used modulo the number of workers."""
        return self.random.choice((1, 1, 2, 3)) if "shared" in self.capabilities else 1

    # -- servers --------------------------------------------------------------------------------------------------

    def script(self) -> Script:
        """Generate the responses of the upstream and of the services that the filter calls."""
        responses = self.several(self.tcp_response if self.network else self.http_response, 2)
        services = self.several(self.service_response, 2)
        return Script(responses, services, not (self.calls and self.happens(0.04)))

    def service_response(self) -> ServiceResponse:
        """Generate a response of a service that the filter calls."""
        if "grpc" in self.capabilities and ("http_call" not in self.capabilities or self.happens(0.5)):
            return self.http_response() if self.happens(0.1) else self.grpc_response()
        return self.http_response()

    def http_response(self) -> HttpServiceResponse:
        """Generate a response of an HTTP server."""
        random = self.random
        if random.random() < 0.12:
            return HttpServiceResponse(0, reset=True)
        if random.random() < 0.05:
            return HttpServiceResponse(refused=True)
        status = (
            random.choice(self.vocabulary.numbers)
            if self.vocabulary.numbers and random.random() < 0.2
            else random.choice(STATUSES)
        )
        status = status if 200 <= status <= 599 else 200
        body = self.data() if random.random() < 0.6 else b""
        trailers = self.pairs(1) if random.random() < 0.1 else ()
        return HttpServiceResponse(
            status, self.pairs(2), body, trailers, random.choice(LATENCIES), random.random() < 0.05
        )

    def grpc_response(self) -> GrpcServiceResponse:
        """Generate a response of a gRPC server to a message."""
        random = self.random
        if random.random() < 0.1:
            return GrpcServiceResponse(reset=True)
        status = random.choice(_GRPC_STATUSES) if random.random() < 0.6 else None
        messages = tuple(
            random.choice((b"", self.message(), self.data()[:5000])) for _ in range(random.choice((0, 1, 1, 1, 2)))
        )
        return GrpcServiceResponse(messages, status, "no" if status else "", random.choice(LATENCIES))

    def tcp_response(self) -> TcpServiceResponse:
        """Generate a response of a TCP server to received bytes."""
        random = self.random
        data = b"" if random.random() < 0.2 else self.message()
        return TcpServiceResponse(data, random.random() < 0.25, random.choice((0.0, 0.0, *LATENCIES)))

    # -- events ---------------------------------------------------------------------------------------------------

    def pause(self) -> Pass:
        """Generate a step that advances virtual time."""
        return Pass(self.random.choice(PAUSES))

    def configuration(self) -> Reconfigure:
        """Generate a step that changes the configuration, mostly to JSON with keys used in the filter."""
        random = self.random
        if random.random() < 0.8:
            keys = [random.choice(self.vocabulary.keys or ["a"]) for _ in range(random.randint(0, 3))]
            return Reconfigure(json.dumps({key: self.json(1) for key in keys}).encode())
        return Reconfigure(self.data()[:5000])

    def queue_item(self) -> Enqueue:
        """Generate a step that adds an item to one of the filter's queues."""
        name = self.random.choice(self.vocabulary.queues)
        return Enqueue(name, self.message() if self.happens(0.5) else self.data()[:5000])

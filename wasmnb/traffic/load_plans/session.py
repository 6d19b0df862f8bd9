"""Run a session of a load plan: send its requests one after the other, with think time and cookies."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from ...messages import Headers, Request, to_bytes, to_text
from .cookies import ClientCookies
from .plan import DurationRange, LoadRequest, LoadSession

if TYPE_CHECKING:
    from ...host import Exchange
    from .run import PlanRun

__all__ = ["SessionRun", "drawn", "request_of"]

_PLACEHOLDER = re.compile(rb"\{(number|user|random)\}")


def drawn(random: Random, span: DurationRange) -> float:
    """Return a random number from a range, or the value itself if it is a number."""
    return random.uniform(*span) if isinstance(span, tuple | list) else float(span)


def request_of(template: LoadRequest, random: Random, number: int, user: int) -> Request:
    """Create a request for an entry of a load plan, and fill in its placeholders.

    Parameters
    ----------
    template
        The entry of the plan.
    random
        Source of random sizes, bodies and values of `{random}`.
    number, user
        Values of the placeholders `{number}` and `{user}`.
    """
    values = {
        b"number": lambda: b"%d" % number,
        b"user": lambda: b"%d" % user,
        b"random": lambda: b"%08x" % random.getrandbits(32),
    }

    def fill(text: bytes) -> bytes:
        return _PLACEHOLDER.sub(lambda match: values[match[1]](), text) if b"{" in text else text

    headers = Headers(template.headers)
    headers.raw = [(name, fill(value)) for name, value in headers.raw]
    size = template.size
    body = fill(to_bytes(template.body)) if size is None else random.randbytes(round(drawn(random, size)))
    return Request(template.method, to_text(fill(to_bytes(template.path))), headers, body, authority=template.authority)


class SessionRun:
    """A running session of a load plan.

    Parameters
    ----------
    run
        The run of the load plan.
    session
        The session's entry in the plan.
    number
        Number of the session, counted from 1.
    ended
        Function that is called at the end of the session.
    """

    def __init__(self, run: PlanRun, session: LoadSession, number: int, ended: Callable[[], None]) -> None:
        self._run = run
        self._session = session
        self._number = number
        self._ended = ended
        self._worker = (number - 1) % len(run.proxy.workers) + 1  # a connection stays on its worker
        self._next = 0
        clock = run.proxy.server.clock
        self._cookies = ClientCookies(lambda: clock.start + clock.time())

    def send(self, after: float) -> None:
        """Send the next request after a number of virtual seconds. When its response arrives, the session continues."""
        run, template = self._run, self._session.requests[self._next]
        if run.full:
            self._ended()
            return
        self._next += 1
        request = request_of(template, run.random, run.number + 1, self._number)
        self._cookies.add_to(request)
        prefix = f"{self._session.name}: " if self._session.name else ""
        parts = run.sent(prefix + template.route, after)

        def done(exchange: Exchange, timed_out: bool) -> None:
            run.done(exchange, parts, timed_out=timed_out)
            self._continue(request, exchange)

        run.proxy.schedule(
            request, done, after=after, worker=self._worker, http2=run.plan.http2, timeout=run.plan.timeout
        )

    def _continue(self, request: Request, exchange: Exchange) -> None:
        response = exchange.response
        complete = response is not None and response.status and not response.reset
        if self._next == len(self._session.requests) or not complete:
            self._ended()
            return
        if self._session.cookies and response is not None:
            self._cookies.keep(request, response)
        run = self._run
        run.call_later(drawn(run.random, self._session.think), lambda: self.send(0.0))

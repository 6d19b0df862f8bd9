"""Comparison of the simulated proxy with the real Envoy. Both receive the same traffic, and the results are compared by field.

Values that differ in every run (dates, request ids, the upstream's time, ports) are masked. Fields that differ because of time,
random values or a race are listed separately. Agreement is the share of equal fields among all other fields. Each difference
has a hint about where to look for the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...errors import UsageError
from ...host import Proxy
from ...messages import Request, to_text
from ...parsing.random_values import RANDOM_HEADERS
from ..config.counterpart import envoy_like
from ..proxy import Envoy
from .fields import Field, Ignored, fields_of, hint_of, is_connection
from .parity import Difference, NotCompared, Pair, Parity
from .reasons import RANDOM_CRASH, TIME, race, upstream_reason, varies
from .replay import EnvoyRun, SimulatedRun, messages_of, run_in_envoy, run_simulated

__all__ = ["Difference", "NotCompared", "Pair", "Parity", "compare"]

#: For the second run of the simulated proxy: virtual seconds to add before each request, and the seed.
_STRETCH, _SEED = 1.37, 20_261_129


def compare(
    proxy: Proxy,
    requests: Iterable[Request | Any] | None = None,
    *,
    last: int | None = None,
    ignore: Iterable[str] = (),
    envoy: Envoy | None = None,
    startup: float | None = None,
    progress: Callable[[str, float], None] | None = None,
    **changes: Any,
) -> Parity:
    """Send the same traffic through a real Envoy and a fresh copy of a simulated proxy, and compare the results.

    Both proxies begin without state. The kernel chooses the worker for each connection to Envoy, and the simulated proxy uses
    the same worker. If Envoy crashes, both proxies are restarted for the rest of the traffic.

    Parameters
    ----------
    proxy
        The simulated proxy. Requests are sent to a copy of it, so its own state doesn't change.
    requests
        `Request` objects for HTTP filters, and bytes (or lists of chunks) for connections through network filters. By default,
        the traffic that `proxy` has received so far.
    last
        Number of exchanges to compare, counted from the newest. By default, all are compared.
    ignore
        Names of fields ("log", "client body", "metrics") and of headers that aren't compared (default none).
    envoy
        A running Envoy to use. It isn't closed, and its earlier requests can influence the result. By default, an Envoy with
        the plugins and settings of `proxy` is started, and closed afterwards.
    startup
        Maximum seconds until Envoy is ready. By default (None), there is no limit while Envoy makes progress.
    progress
        Called with a description of the step and a fraction from 0 to 1 (default None).
    changes
        Parameters of `Envoy` that replace the values from `proxy`.

    Returns
    -------
    Parity
        The exchanges of both proxies in pairs, and their differences.

    Raises
    ------
    UsageError
        There is no traffic, Envoy isn't installed, or HTTP requests are compared although the proxy has only network filters.
    EnvoyRefused
        Envoy refused the filter.
    """
    ignored = Ignored(ignore)
    exchanges = list(proxy.exchanges)
    items = list(requests) if requests is not None else exchanges
    messages = messages_of(items[max(0, len(items) - last) :] if last is not None else items)
    if not messages:
        raise UsageError("There is nothing to compare. Send requests first, or pass requests=.")

    def start() -> Envoy:
        return envoy_like(proxy, **({"startup": startup, "progress": progress} | changes))

    served = envoy.exchanges.total if envoy is not None else 0
    run = run_in_envoy(messages, start, envoy, progress)
    like = envoy.settings if envoy is not None else None
    workers = like.workers if like is not None else changes.get("workers", proxy.settings.workers)
    options: dict[str, Any] = {
        "wait": changes.get("timeout", 5.0) if envoy is None else envoy.timeout,
        "workers": workers,
    }
    comparison = _Comparison(proxy, run, ignored, options, own_upstream=not {"upstream", "clusters"} & changes.keys())
    parity = comparison.parity(metrics=not served and not ignored.field("metrics"))
    if served:
        parity.notes.append(
            f"Envoy had already served {served} exchanges before the comparison, so filters with state may differ."
        )
    return parity


class _Comparison:
    """Comparison of one run of the traffic in both proxies. The simulated proxy runs a second time only if a field differs."""

    def __init__(
        self, proxy: Proxy, run: EnvoyRun, ignored: Ignored, options: dict[str, Any], *, own_upstream: bool
    ) -> None:
        self._proxy = proxy
        self._run = run
        self._ignored = ignored
        self._options = options
        self._own_upstream = own_upstream
        self._first = run_simulated(proxy, run, **options)
        self._again: SimulatedRun | None = None

    def parity(self, *, metrics: bool) -> Parity:
        """Compare all fields, and return the result."""
        pairs = [self._pair(position) for position in range(len(self._run.messages))]
        result = Parity(self._proxy.name, pairs, sum(pair.compared for pair in pairs), [])
        for pair in pairs:
            result.differences += pair.differences
            result.not_compared += pair.not_compared
        if metrics and (self._first.metrics or self._run.metrics):
            self._add_metrics(result)
        result.notes += self._notes(result)
        return result

    def _pair(self, position: int) -> Pair:
        run = self._run
        ours, theirs = self._first.exchanges[position], run.exchanges[position]
        pair = Pair(position + 1, ours, theirs, run.workers[position])
        crashed = position in run.crashed
        if crashed or ours.crash is not None:
            pair.fields = [("crash", ours.crash is not None, crashed)]
        else:
            pair.fields = fields_of(ours, theirs, self._ignored)
        for field in pair.fields:
            self._judge(pair, position, field)
        return pair

    def _judge(self, pair: Pair, position: int, field: Field) -> None:
        """Count a field as equal, different, or not comparable."""
        name, ours, theirs = field
        where = f"{pair.name}: {name}"
        reason = "" if ours == theirs else self._reason(pair, position, field)
        if reason:
            pair.not_compared.append(NotCompared(where, reason, ours, theirs))
            return
        pair.compared += 1
        if ours != theirs:
            pair.differences.append(Difference(where, ours, theirs, hint_of(name)))

    def _reason(self, pair: Pair, position: int, field: Field) -> str:
        """Return the reason why a field that differs can't be compared, or '' if it can."""
        name, ours, theirs = field
        simulated, real = pair.simulated, pair.real
        if name == "crash":
            return RANDOM_CRASH if simulated.crash is not None and not simulated.crash.certain else ""
        if reason := race(name, simulated, real):
            return reason
        if self._own_upstream and (reason := upstream_reason(name, simulated, real)):
            return reason
        again = fields_of(self._second.exchanges[position], real, self._ignored)
        second = next((value for other, value, _ in again if other == name), None)
        return TIME if varies(ours, second, theirs) else ""

    @property
    def _second(self) -> SimulatedRun:
        """Results of the same traffic in the simulated proxy with other times and random values."""
        if self._again is None:
            self._again = run_simulated(self._proxy, self._run, **self._options, stretch=_STRETCH, seed=_SEED)
        return self._again

    def _add_metrics(self, parity: Parity) -> None:
        ours, theirs = self._first.metrics, self._run.metrics
        if ours != theirs and varies(ours, self._second.metrics, theirs):
            parity.not_compared.append(NotCompared("all: metrics", TIME, ours, theirs))
            return
        parity.compared += 1
        if ours != theirs:
            parity.differences.append(Difference("all: metrics", ours, theirs, hint_of("metrics")))

    def _notes(self, parity: Parity) -> list[str]:
        notes = [_crash_note(pair) for pair in parity.crashes]
        if self._run.restarts:
            notes.append("Both proxies were restarted after each crash, so metrics are counted from the last start.")
        if names := _random_headers(parity.pairs):
            notes.append(f"Not compared, because the values differ in every run: {', '.join(names)}.")
        if self._ignored.names:
            notes.append(f"Ignored: {', '.join(self._ignored.names)}.")
        unknown = [str(pair.number) for pair in parity.pairs if pair.worker is None]
        if unknown and self._options["workers"] > 1:
            notes.append(
                f"Envoy's worker is unknown for exchanges {', '.join(unknown)}. If the filter has state, use workers=1."
            )
        return notes


def _crash_note(pair: Pair) -> str:
    crash = pair.simulated.crash
    expected = f" The simulated proxy predicted this: {crash.text}." if crash is not None else ""
    return f"Envoy crashed on {pair.name}, and was restarted.{expected} Its log:\n{pair.real.crash.text if pair.real.crash else ''}"


def _random_headers(pairs: Sequence[Pair]) -> list[str]:
    """Return the names of those headers in Envoy's messages that differ in every run."""
    seen: set[bytes] = set()
    for pair in pairs:
        if not is_connection(pair.simulated):
            messages = (pair.real.response, pair.real.upstream_request)  # type: ignore[union-attr]
            seen.update(name for message in messages if message is not None for name, _ in message.headers.raw)
    return sorted(to_text(name) for name in seen & RANDOM_HEADERS)

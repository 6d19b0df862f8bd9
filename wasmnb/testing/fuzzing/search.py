"""The search: run, keep what did something new, change it, run again; look at memory in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from time import monotonic
from typing import Any

from ..soundness import grows, growth, memory, use_up
from .generator import Generator, seeds
from .report import COUNTER, Finding, FuzzReport, write_test
from .runner import Fault, Session, Settings
from .scenario import Body, Open, Pairs, Scenario, Send, Step
from .shrink import shrink
from .vocabulary import vocabulary_of

__all__ = ["fuzz", "replay"]

#: Scenarios that one proxy lives for: a fault may need what an earlier one left behind.
_BATCH = 40

#: Requests in a round when memory is looked at: few at first, since a large leak shows at once.
_ROUNDS = (600, 3000, 12000)

#: Bytes by which a round has to make memory grow to be seen for certain, and requests that it has at least.
_CERTAIN, _FEWEST = 1_500_000, 200

#: Repetitions of each request for itself, to see which one it is that makes memory grow.
_ALONE = 300

#: Seconds for making a finding small.
_SHRINKING = 10.0


def fuzz(
    filter: Any,  # noqa: A002 -- as Proxy calls it
    *,
    seconds: float = 30.0,
    seed: int = 0,
    config: Any = None,
    vm_config: Any = None,
    workers: int = 1,
    clusters: Mapping[str, Any] | None = None,
    deadline: float = 1.0,
    all_faults: bool = False,
    progress: Callable[[FuzzReport], None] | None = None,
) -> FuzzReport:
    """Search for a trap, a hang, a stuck stream or a growth in memory.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of them (a chain).
    seconds
        Real time to search for; making a finding small comes on top, up to ten seconds each.
    seed
        The same seed tries the same scenarios in the same order.
    config, vm_config, workers
        As in `Proxy`. One worker finds most, since all requests meet in one VM.
    clusters
        Services with answers of their own; any other cluster that the filter calls gets random answers.
    deadline
        Real seconds after which a callback counts as hanging.
    all_faults
        Go on after the first finding, for faults of other kinds and in other places.
    progress
        Called now and then with the report as it is.

    Returns
    -------
    FuzzReport
        `print` it for the findings with their tests.

    Raises
    ------
    FilterTrap
        The filter does not even start.
    """
    settings = Settings(filter, config, vm_config, workers, clusters, deadline)
    return _Search(settings, Random(seed), seconds, all_faults, progress).run()  # noqa: S311 -- no secrets here


def replay(filter: Any, scenario: Scenario, **settings: Any) -> Fault | None:  # noqa: A002 -- as Proxy calls it
    """Run a scenario on a fresh proxy; gives what is wrong, or None. Takes what `Settings` takes."""
    with Session(Settings(filter, **settings)) as session:
        return session.run(scenario)


class _Search:
    def __init__(
        self,
        settings: Settings,
        random: Random,
        seconds: float,
        all_faults: bool,
        progress: Callable[[FuzzReport], None] | None,
    ) -> None:
        self.settings = settings
        self.random = random
        self.started = monotonic()
        self.until = self.started + seconds
        self.all_faults = all_faults
        self.progress = progress or (lambda _: None)
        words = vocabulary_of(settings.filter)
        self.generator = Generator(words, random)
        self.seeds = seeds(words)
        self.corpus: list[Scenario] = []
        self.features: set[str] = set()
        self.known: set[tuple[str, str]] = set()
        self.session: Session | None = None
        self.batch: list[Scenario] = []
        self.rounds = list(_ROUNDS)
        chosen = settings.filter[0] if isinstance(settings.filter, list | tuple) else settings.filter
        self.report = FuzzReport(getattr(chosen, "name", "filter"))

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> FuzzReport:
        """Search until the time is over, or the first fault."""
        try:
            self._search()
        except KeyboardInterrupt:
            self.report.interrupted = True
        finally:
            self._drop()
        self._count()
        return self.report

    def _search(self) -> None:
        for scenario in self.seeds:
            if self._over() or self._try(scenario):
                return
        soak_at = monotonic() + 0.04 * (self.until - monotonic())
        while not self._over():
            if self.rounds and monotonic() >= soak_at and self.until - monotonic() > 1.0:
                if self._soak(self.rounds.pop(0)):
                    return
                soak_at = monotonic() + 0.04 * (self.until - monotonic())
            for _ in range(_BATCH):
                if self._over() or self._try(self._next()):
                    return

    def _over(self) -> bool:
        return monotonic() > self.until

    def _next(self) -> Scenario:
        if not self.corpus or self.random.random() < 0.25:
            return self.generator.scenario()
        if self.random.random() < 0.1:
            return self.random.choice(self.corpus) + self.random.choice(self.corpus)
        return self.generator.change(
            self.random.choice(self.corpus[-60:] if self.random.random() < 0.5 else self.corpus)
        )

    def _try(self, scenario: Scenario) -> bool:
        """Run one; True if the search is over."""
        if self.session is None or len(self.batch) >= _BATCH:
            self._drop()
            self.session, self.batch = Session(self.settings), []
        self.batch.append(scenario)
        self.report.tried += 1
        fault = self.session.run(scenario)
        if fault is None:
            fresh = self.session.features() - self.features
            if fresh:
                self.features |= fresh
                self.corpus.append(scenario)
            if self.report.tried % _BATCH == 0:
                self._count()
                self.progress(self.report)
            return False
        batch = self.batch
        self._drop()
        return self._found(fault, scenario, batch)

    def _drop(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def _count(self) -> None:
        self.report.seconds = monotonic() - self.started
        self.report.features = len(self.features)

    # -- findings -------------------------------------------------------------------------------------------------

    def _found(self, fault: Fault, scenario: Scenario, batch: list[Scenario]) -> bool:
        """Find what is needed to see the fault again, and make it small. True if the search is over."""
        if (fault.kind, fault.where) in self.known:
            return False
        self.known.add((fault.kind, fault.where))
        seconds, tried = monotonic() - self.started, self.report.tried
        whole = Scenario()
        for earlier in batch:
            whole = whole + earlier
        culprit = next((s for s in (scenario, whole) if self._again(s, fault)), None)
        if culprit is None:
            return False  # a slow machine, or chance inside the filter: nothing that a test could show
        smallest = self._shrunk(culprit, fault)
        with Session(self.settings) as session:
            last = session.run(smallest) or fault
            called = session.clusters.asked | set(self.settings.clusters or ())
        test = write_test(last, smallest, self.settings, called, 1)
        self.report.findings.append(Finding(fault.kind, last.message, smallest, test, seconds, tried))
        self._count()
        self.progress(self.report)
        return not self.all_faults

    def _shrunk(self, culprit: Scenario, fault: Fault) -> Scenario:
        """A hang is looked for with a shorter deadline, or it would take too long; the last word has the full one."""
        if fault.kind != "hang":
            return shrink(culprit, lambda s: self._again(s, fault), _SHRINKING)
        hasty = replace(self.settings, deadline=max(0.2, self.settings.deadline / 4))
        kept = [culprit]

        def fails(scenario: Scenario) -> bool:
            again = self._again(scenario, fault, hasty)
            kept.extend([scenario] * again)
            return again

        shrink(culprit, fails, _SHRINKING)
        back = (kept[-step] for step in (1, 2, 4, 8, 16, 32) if step < len(kept))
        return next((s for s in back if self._again(s, fault)), culprit)

    def _again(self, scenario: Scenario, fault: Fault, settings: Settings | None = None) -> bool:
        with Session(settings or self.settings) as session:
            found = session.run(scenario)
        return (
            found is not None
            and found.kind == fault.kind
            and (fault.kind in ("stuck", "hang") or found.where == fault.where)
        )

    # -- memory ---------------------------------------------------------------------------------------------------

    def _soak(self, requests: int) -> bool:
        """Do what is known again and again, and look whether memory keeps growing; True if the search is over."""
        self._drop()
        if ("growth", "") in self.known:
            return False
        for counted in (False, True):
            unit = self._unit(counted=counted)
            for suspect in [*self._suspects(unit), unit]:
                grown = self._rounds(suspect, requests, self.until)
                if grows(grown):
                    return self._grown(suspect, requests, grown)
        return False

    def _suspects(self, unit: Scenario) -> list[Scenario]:
        """Steps that make memory grow when each is repeated for itself, the simplest first."""
        found = []
        with Session(self.settings) as session:
            use_up(session.proxy)
            for step in unit.steps:
                alone, before = Scenario((step,)), memory(session.proxy)
                for number in range(_ALONE):
                    if self._over() or session.run(_numbered(alone, number)) is not None:
                        return []
                session.proxy.trace.clear()
                self.report.tried += _ALONE
                if memory(session.proxy) > before:
                    found.append(alone)
        return sorted(found, key=lambda s: s.size)[:3]

    def _grown(self, unit: Scenario, requests: int, grown: list[int]) -> bool:
        self.known.add(("growth", ""))
        seconds, until = monotonic() - self.started, monotonic() + _SHRINKING
        each = sum(grown) / (len(grown) * requests)
        fewer = min(requests, max(_FEWEST, int(_CERTAIN / each)))
        smallest = shrink(unit, lambda s: grows(self._rounds(s, fewer, until)), _SHRINKING)
        again = self._rounds(smallest, requests, monotonic() + 2 * _SHRINKING)
        if not grows(again):
            smallest, again = unit, grown
        self._report_growth(smallest, _times(smallest, requests), again, seconds)
        return not self.all_faults

    def _unit(self, *, counted: bool) -> Scenario:
        """Seeds and the most varied scenarios one after the other; with numbers in them that differ each time."""
        steps: list[Step] = []
        for scenario in [*self.seeds[:20], *self.corpus[-10:]]:
            steps += [s for s in scenario.steps if isinstance(s, Send)][:3]
        unique = dict.fromkeys(steps)
        return Scenario(tuple(_with_counter(s) if counted else s for s in unique))

    def _rounds(self, unit: Scenario, requests: int, until: float) -> list[int]:
        """Bytes of growth in each round; empty if it could not be measured."""
        with Session(self.settings) as session:
            number = 0

            def repeat() -> None:
                nonlocal number
                number += 1
                if monotonic() > until:
                    raise TimeoutError
                self.report.tried += 1
                if session.run(_numbered(unit, number)) is not None:
                    raise TimeoutError  # a fault of another kind, which the search finds by itself

            try:
                return growth(session.proxy, repeat, times=_times(unit, requests))
            except TimeoutError:
                return []

    def _report_growth(self, unit: Scenario, times: int, grown: list[int], seconds: float) -> None:
        each = sum(grown) / (times * len(grown))
        fault = Fault("growth", f"memory grows by {each:,.0f} bytes each time, without end", "")
        with Session(self.settings) as session:
            session.run(_numbered(unit, 1))
            called = session.clusters.asked | set(self.settings.clusters or ())
        test = write_test(fault, unit, self.settings, called, times)
        self.report.findings.append(Finding("growth", fault.message, unit, test, seconds, self.report.tried, times))


def _times(unit: Scenario, requests: int) -> int:
    """Repetitions that make so many requests."""
    return -(-requests // max(1, len(unit.steps)))


def _with_counter(step: Step) -> Step:
    """A request in which path, header values and body hold a number that is another each time."""
    if not isinstance(step, Send):
        return step
    path, mark, query = step.path.partition("?")
    body = step.body + COUNTER.encode() if step.body and step.body[:1] not in b"{[" else step.body
    return replace(step, path=f"{path.rstrip('/')}/{COUNTER}{mark}{query}", headers=_counted(step.headers), body=body)


def _counted(pairs: Pairs) -> Pairs:
    return tuple((n, v + COUNTER.encode()) for n, v in pairs if n not in (b"content-length", b"content-type"))


def _numbered(scenario: Scenario, number: int) -> Scenario:
    """A repetition of it."""
    text, data = str(number), str(number).encode()

    def put(step: Step) -> Step:
        if isinstance(step, Send | Open):
            headers = tuple((n, v.replace(COUNTER.encode(), data)) for n, v in step.headers)
            step = replace(step, path=step.path.replace(COUNTER, text), headers=headers)
        if isinstance(step, Send) and step.body:
            step = replace(step, body=step.body.replace(COUNTER.encode(), data))
        return replace(step, data=step.data.replace(COUNTER.encode(), data)) if isinstance(step, Body) else step

    return Scenario(tuple(map(put, scenario.steps)))

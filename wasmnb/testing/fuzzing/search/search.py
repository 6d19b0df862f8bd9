"""The search: run, keep what did something new, change it, run again; look at memory in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from time import monotonic

from ....errors import FilterTrap
from ..pytest_writer import write_test
from ..report import Finding, FuzzReport
from ..scenarios.capabilities import abilities_of
from ..scenarios.generator import Generator
from ..scenarios.mutation import Mutator
from ..scenarios.scenario import Scenario
from ..scenarios.seeds import repeatable, seeds
from ..scenarios.vocabulary import vocabulary_of
from .memory_soak import Soak
from .runner import Fault, Session, Settings
from .shrink import shrink

__all__ = ["Search"]

#: Scenarios that one proxy lives for: a fault may need what an earlier one left behind.
_BATCH = 40

#: Requests in a round when memory is looked at: few at first, since a large leak shows at once.
_ROUNDS = (600, 3000, 12000)

#: Share of the time that one look at memory may take; there are as many as rounds.
_SOAKING = 1 / 6

#: Seconds for making a finding small.
_SHRINKING = 10.0

#: Workers of every third proxy, if nobody said how many and the filter shares anything between them.
_SEVERAL = 3

#: Seconds between two reports of progress.
_TELLING = 0.1


class Search:
    """One search."""

    all_faults = False

    def __init__(
        self,
        settings: Settings,
        workers: int | None,
        random: Random,
        seconds: float,
        kinds: frozenset[str],
        progress: Callable[[FuzzReport], None] | None,
    ) -> None:
        self.settings = replace(settings, workers=workers or 1)
        self.random = random
        self.started = self.told = monotonic()
        self.until = self.started + seconds
        self.kinds = kinds
        self.progress = progress or (lambda _: None)
        abilities = abilities_of(settings.filter)
        self.several = workers is None and "shared" in abilities
        self.words = vocabulary_of(settings.filter)
        self.generator = Generator(self.words, random, abilities, network=settings.network)
        self.mutator = Mutator(self.generator)
        self.seeds: list[Scenario] = []
        self.corpus: list[Scenario] = []
        self.features: set[str] = set()
        self.known: set[tuple[str, str]] = set()
        self.session: Session | None = None
        self.sessions = 0
        self.batch: list[Scenario] = []
        self.rounds = list(_ROUNDS) if "growth" in kinds else []
        self.soaking = seconds * (1.0 if kinds == {"growth"} else _SOAKING)
        self.soak = Soak(self.settings.in_wasm, self._tell)
        chosen = settings.filter[0] if isinstance(settings.filter, list | tuple) else settings.filter
        self.report = FuzzReport(getattr(chosen, "name", "filter"))

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> FuzzReport:
        """Search until the time is over, or the first fault."""
        try:
            self._prepare()
            self._search()
        except KeyboardInterrupt:
            self.report.interrupted = True
        finally:
            self._drop()
        self._count()
        self.report.activity = ""
        return self.report

    def _prepare(self) -> None:
        """Start the filter once: raises if it does not start, and shows which queues it has."""
        with Session(self.settings) as session:
            queues = session.proxy.shared_data.queues()
        self.words.queues = [queue.name.decode("utf-8", "replace") for queue in queues]
        self.seeds = seeds(self.words, self.generator.abilities, network=self.generator.network)

    def _search(self) -> None:
        self.report.activity = "searching"
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
        return self.mutator.change(self.random.choice(self.corpus[-60:] if self.random.random() < 0.5 else self.corpus))

    def _try(self, scenario: Scenario) -> bool:
        """Run one; True if the search is over."""
        if self.session is None or len(self.batch) >= _BATCH:
            self._drop()
            self.sessions += 1
            workers = _SEVERAL if self.several and self.sessions % 3 == 0 else self.settings.workers
            self.session, self.batch = Session(replace(self.settings, workers=workers)), []
        self.batch.append(scenario)
        fault = self.session.run(scenario)
        self._tell(1)
        if fault is None:
            fresh = self.session.features() - self.features
            if fresh:
                self.features |= fresh
                self.corpus.append(scenario)
            return False
        batch, settings = self.batch, self.session.settings
        self._drop()
        return self._found(fault, scenario, batch, settings)

    def _drop(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def _tell(self, tried: int) -> None:
        """So many scenarios more; now and then a report of progress."""
        self.report.tried += tried
        if monotonic() - self.told >= _TELLING:
            self.told = monotonic()
            self._count()
            self.progress(self.report)

    def _count(self) -> None:
        self.report.seconds = monotonic() - self.started
        self.report.features = len(self.features)

    # -- findings -------------------------------------------------------------------------------------------------

    def _found(self, fault: Fault, scenario: Scenario, batch: list[Scenario], settings: Settings) -> bool:
        """Find what is needed to see the fault again, and make it small. True if the search is over."""
        if fault.kind not in self.kinds or (fault.kind, fault.where) in self.known:
            return False
        self.known.add((fault.kind, fault.where))
        finding = Finding(fault.kind, fault.message, scenario, "", monotonic() - self.started, self.report.tried)
        try:
            culprit = self._culprit(fault, scenario, batch, settings)
            if culprit is None:
                return False  # a slow machine, or chance inside the filter: nothing that a test could show
            finding.scenario, settings = culprit
            self._shrink(finding, fault, settings)
        except KeyboardInterrupt:
            self.report.interrupted = True
        self._write(finding, fault, settings)
        return self.report.interrupted or not self.all_faults

    def _culprit(
        self, fault: Fault, scenario: Scenario, batch: list[Scenario], settings: Settings
    ) -> tuple[Scenario, Settings] | None:
        """What shows the fault on a fresh proxy: the scenario or all of the batch, with one worker if that is enough."""
        whole = Scenario()
        for earlier in batch:
            whole = whole + earlier
        fewer = [replace(settings, workers=self.settings.workers)] if settings != self.settings else []
        for candidate in (scenario, whole):
            for chosen in (*fewer, settings):
                if self._again(candidate, fault, chosen):
                    return candidate, chosen
        return None

    def _shrink(self, finding: Finding, fault: Fault, settings: Settings) -> None:
        """Make the finding's scenario as small as possible; whatever interrupts leaves the smallest so far.

        A hang is looked for with a shorter deadline, or it would take too long; the last word has the full one.
        """
        self.report.activity = f"making a {fault.kind} smaller"
        hang = fault.kind == "hang"
        hasty = replace(settings, deadline=max(0.2, settings.deadline / 4)) if hang else settings
        kept = [finding.scenario]

        def fails(scenario: Scenario) -> bool:
            self._tell(1)
            again = self._again(scenario, fault, hasty)
            if again:
                kept.append(scenario)
                finding.scenario = finding.scenario if hang else scenario
            return again

        shrink(finding.scenario, fails, _SHRINKING)
        back = (kept[-step] for step in (1, 2, 4, 8, 16, 32) if step < len(kept))
        if hang:
            finding.scenario = next((s for s in back if self._again(s, fault, settings)), finding.scenario)
        self.report.activity = "searching"

    def _again(self, scenario: Scenario, fault: Fault, settings: Settings) -> bool:
        try:
            with Session(settings) as session:
                found = session.run(scenario)
        except FilterTrap:
            return False  # it did not even start: a busy machine
        return (
            found is not None
            and found.kind == fault.kind
            and (fault.kind in ("stuck", "hang") or found.where == fault.where)
        )

    def _write(self, finding: Finding, fault: Fault, settings: Settings) -> None:
        """Run it a last time, as Wasm, for the message and the clusters' names, and add it to the report."""
        with Session(settings.in_wasm) as session:
            last = session.run(finding.scenario) or fault
            called = session.clusters.asked | set(settings.clusters or ())
        finding.message = last.message if finding.kind != "growth" else finding.message
        finding.test = write_test(finding, settings, called)
        self.report.findings.append(finding)
        self._count()
        self.progress(self.report)

    # -- memory ---------------------------------------------------------------------------------------------------

    def _soak(self, requests: int) -> bool:
        """Do what is known again and again, and look whether memory keeps growing; True if the search is over."""
        self._drop()
        if ("growth", "") in self.known:
            return False
        self.report.activity = "watching memory"
        until = min(self.until, monotonic() + self.soaking)
        repeated = repeatable(self.words, self.generator.abilities, network=self.generator.network)
        found = self.soak.look([*repeated, *self.corpus[-10:]], requests, until)
        self.report.activity = "searching"
        if found is None:
            return False
        self.known.add(("growth", ""))
        seconds, tried = monotonic() - self.started, self.report.tried
        self.report.activity = "making a growth smaller"
        try:
            self.soak.smallest(found)
        except KeyboardInterrupt:
            self.report.interrupted = True
        finding = Finding("growth", found.message, found.unit, "", seconds, tried, found.times)
        self._write(finding, Fault("growth", found.message, ""), self.settings)
        return self.report.interrupted or not self.all_faults

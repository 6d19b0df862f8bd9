"""The search loop, which runs scenarios, mutates those that caused new behaviour, and measures memory from time to time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from time import monotonic
from typing import NamedTuple

from ....errors import FilterTrap
from ..pytest_writer import write_test
from ..report import Finding, FuzzReport
from ..scenarios.capabilities import capabilities_of
from ..scenarios.generator import Generator
from ..scenarios.mutation import Mutator
from ..scenarios.scenario import Scenario
from ..scenarios.seeds import memory_seeds, seeds
from ..scenarios.vocabulary import vocabulary_of
from .memory_soak import MemorySoak
from .runner import FilterFault, Session, Settings
from .shrink import shrink

__all__ = ["Search"]

#: Number of scenarios run on one proxy. Some faults depend on state left by an earlier scenario.
_BATCH = 40

#: Numbers of requests in a round of successive memory measurements. Few requests are enough to find a large leak.
_ROUNDS = (600, 3000, 12000)

#: Fraction of the search's time for one memory measurement.
_SOAK_SHARE = 1 / 6

#: Time limit for shrinking a finding, in seconds.
_SHRINK_SECONDS = 10.0

#: Number of workers of every third proxy, if `workers` is None and the filter shares data between workers.
_MANY_WORKERS = 3

#: Seconds between two calls of `progress`.
_PROGRESS_INTERVAL = 0.1


class _Reproduction(NamedTuple):
    """A scenario that reproduces a fault, and the settings of its proxy."""

    scenario: Scenario
    settings: Settings


class Search:
    """One search for faults.

    Parameters
    ----------
    settings
        Settings of the proxies.
    workers
        Number of workers, or None for one worker (three in every third proxy if the filter shares data between workers).
    random
        Random number generator.
    seconds
        Duration of the search in real seconds.
    kinds
        Kinds of fault to report.
    progress
        Function that is called with the report, or None.

    Attributes
    ----------
    all_faults
        Whether to continue after the first finding.
    """

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
        self.started = self.reported_at = monotonic()
        self.until = self.started + seconds
        self.kinds = kinds
        self.progress = progress or (lambda _: None)
        capabilities = capabilities_of(settings.filter)
        self.varies_workers = workers is None and "shared" in capabilities
        self.vocabulary = vocabulary_of(settings.filter)
        self.generator = Generator(self.vocabulary, random, capabilities, network=settings.network)
        self.mutator = Mutator(self.generator)
        self.seeds: list[Scenario] = []
        self.corpus: list[Scenario] = []
        self.features: set[str] = set()
        self.known_faults: set[tuple[str, str]] = set()
        self.session: Session | None = None
        self.sessions = 0
        self.batch: list[Scenario] = []
        self.rounds = list(_ROUNDS) if "growth" in kinds else []
        self.soak_seconds = seconds * (1.0 if kinds == {"growth"} else _SOAK_SHARE)
        self.soak = MemorySoak(self.settings.in_wasm, self._report_progress)
        first = settings.filter[0] if isinstance(settings.filter, list | tuple) else settings.filter
        self.report = FuzzReport(getattr(first, "name", "filter"))

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> FuzzReport:
        """Search until the time is up, or until a fault ends the search, and return the report."""
        try:
            self._prepare()
            self._search()
        except KeyboardInterrupt:
            self.report.interrupted = True
        finally:
            self._close_session()
        self._count()
        self.report.activity = ""
        return self.report

    def _prepare(self) -> None:
        """Start the filter once, to list its queues. Raises FilterTrap if it fails when it starts."""
        with Session(self.settings) as session:
            queues = session.proxy.shared_data.queues()
        self.vocabulary.queues = [queue.name.decode("utf-8", "replace") for queue in queues]
        self.seeds = seeds(self.vocabulary, self.generator.capabilities, network=self.generator.network)

    def _search(self) -> None:
        self.report.activity = "searching"
        for scenario in self.seeds:
            if self._time_is_up() or self._try(scenario):
                return
        soak_at = monotonic() + 0.04 * (self.until - monotonic())
        while not self._time_is_up():
            if self.rounds and monotonic() >= soak_at and self.until - monotonic() > 1.0:
                if self._soak(self.rounds.pop(0)):
                    return
                soak_at = monotonic() + 0.04 * (self.until - monotonic())
            for _ in range(_BATCH):
                if self._time_is_up() or self._try(self._next()):
                    return

    def _time_is_up(self) -> bool:
        return monotonic() > self.until

    def _next(self) -> Scenario:
        if not self.corpus or self.random.random() < 0.25:
            return self.generator.scenario()
        if self.random.random() < 0.1:
            return self.random.choice(self.corpus) + self.random.choice(self.corpus)
        return self.mutator.change(self.random.choice(self.corpus[-60:] if self.random.random() < 0.5 else self.corpus))

    def _try(self, scenario: Scenario) -> bool:
        """Run a scenario, and handle its fault if it has one. Returns True if the search is done."""
        if self.session is None or len(self.batch) >= _BATCH:
            self._close_session()
            self.sessions += 1
            workers = _MANY_WORKERS if self.varies_workers and self.sessions % 3 == 0 else self.settings.workers
            self.session, self.batch = Session(replace(self.settings, workers=workers)), []
        self.batch.append(scenario)
        fault = self.session.run(scenario)
        self._report_progress(1)
        if fault is None:
            new = self.session.features() - self.features
            if new:
                self.features |= new
                self.corpus.append(scenario)
            return False
        batch, settings = self.batch, self.session.settings
        self._close_session()
        return self._handle_fault(fault, scenario, batch, settings)

    def _close_session(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

    def _report_progress(self, tried: int) -> None:
        """Count scenarios, and call `progress` if enough time has passed since its last call."""
        self.report.tried += tried
        if monotonic() - self.reported_at >= _PROGRESS_INTERVAL:
            self.reported_at = monotonic()
            self._count()
            self.progress(self.report)

    def _count(self) -> None:
        self.report.seconds = monotonic() - self.started
        self.report.features = len(self.features)

    # -- findings -------------------------------------------------------------------------------------------------

    def _handle_fault(self, fault: FilterFault, scenario: Scenario, batch: list[Scenario], settings: Settings) -> bool:
        """Reproduce a fault, shrink its scenario, and add it to the report. Returns True if the search is done."""
        if fault.kind not in self.kinds or (fault.kind, fault.signature) in self.known_faults:
            return False
        self.known_faults.add((fault.kind, fault.signature))
        finding = Finding(fault.kind, fault.message, scenario, "", monotonic() - self.started, self.report.tried)
        try:
            reproduction = self._reproduce(fault, scenario, batch, settings)
            if reproduction is None:
                return False  # because of a slow machine or randomness in the filter, a test can't reproduce this fault
            finding.scenario, settings = reproduction
            self._shrink(finding, fault, settings)
        except KeyboardInterrupt:
            self.report.interrupted = True
        self._add_finding(finding, fault, settings)
        return self.report.interrupted or not self.all_faults

    def _reproduce(
        self, fault: FilterFault, scenario: Scenario, batch: list[Scenario], settings: Settings
    ) -> _Reproduction | None:
        """Reproduce a fault on a new proxy, with its scenario alone or with the whole batch. Returns None if this fails.

        The reproduction uses fewer workers if the fault also occurs with them.
        """
        whole = Scenario()
        for earlier in batch:
            whole = whole + earlier
        fewer = [replace(settings, workers=self.settings.workers)] if settings != self.settings else []
        for candidate in (scenario, whole):
            for candidate_settings in (*fewer, settings):
                if self._fails_again(candidate, fault, candidate_settings):
                    return _Reproduction(candidate, candidate_settings)
        return None

    def _shrink(self, finding: Finding, fault: FilterFault, settings: Settings) -> None:
        """Shrink the finding's scenario. After an interrupt, the finding contains the smallest scenario so far.

        To save time, hangs are shrunk with a shorter deadline, and then confirmed with the full deadline.
        """
        self.report.activity = f"making a {fault.kind} smaller"
        hang = fault.kind == "hang"
        faster = replace(settings, deadline=max(0.2, settings.deadline / 4)) if hang else settings
        kept = [finding.scenario]

        def fails(scenario: Scenario) -> bool:
            self._report_progress(1)
            fails_again = self._fails_again(scenario, fault, faster)
            if fails_again:
                kept.append(scenario)
                finding.scenario = finding.scenario if hang else scenario
            return fails_again

        shrink(finding.scenario, fails, _SHRINK_SECONDS)
        back = (kept[-step] for step in (1, 2, 4, 8, 16, 32) if step < len(kept))
        if hang:
            finding.scenario = next((s for s in back if self._fails_again(s, fault, settings)), finding.scenario)
        self.report.activity = "searching"

    def _fails_again(self, scenario: Scenario, fault: FilterFault, settings: Settings) -> bool:
        try:
            with Session(settings) as session:
                actual = session.run(scenario)
        except FilterTrap:
            return False  # the filter didn't start in time, because the machine is busy
        return (
            actual is not None
            and actual.kind == fault.kind
            and (fault.kind in ("stuck", "hang") or actual.signature == fault.signature)
        )

    def _add_finding(self, finding: Finding, fault: FilterFault, settings: Settings) -> None:
        """Run the finding's scenario as Wasm, to get its message and clusters, and add the finding to the report."""
        with Session(settings.in_wasm) as session:
            confirmed = session.run(finding.scenario) or fault
            called = session.clusters.requested | set(settings.clusters or ())
        finding.message = confirmed.message if finding.kind != "growth" else finding.message
        finding.test = write_test(finding, settings, called)
        self.report.findings.append(finding)
        self._count()
        self.progress(self.report)

    # -- memory ---------------------------------------------------------------------------------------------------

    def _soak(self, requests: int) -> bool:
        """Repeat known scenarios and measure memory. Returns True if the search is done."""
        self._close_session()
        if ("growth", "") in self.known_faults:
            return False
        self.report.activity = "watching memory"
        until = min(self.until, monotonic() + self.soak_seconds)
        repeated = memory_seeds(self.vocabulary, self.generator.capabilities, network=self.generator.network)
        growing = self.soak.measure([*repeated, *self.corpus[-10:]], requests, until)
        self.report.activity = "searching"
        if growing is None:
            return False
        self.known_faults.add(("growth", ""))
        seconds, tried = monotonic() - self.started, self.report.tried
        self.report.activity = "making a growth smaller"
        try:
            self.soak.minimize(growing)
        except KeyboardInterrupt:
            self.report.interrupted = True
        finding = Finding("growth", growing.message, growing.unit, "", seconds, tried, growing.times)
        self._add_finding(finding, FilterFault("growth", growing.message, ""), self.settings)
        return self.report.interrupted or not self.all_faults

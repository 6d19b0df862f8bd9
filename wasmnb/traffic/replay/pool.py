"""Runs shards on an executor: a bounded number at a time, progress as they end, and a dead process costs its shard only.

A process pool breaks when one of its processes dies, and fails every shard that was submitted. These shards run again, each
alone in a pool of its own, so that the one that kills its process is found; the others lose nothing.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait

from ...errors import UsageError
from .report import ReplayReport
from .shards import Shard, ShardJob, run_shard

__all__ = ["run_shards"]

#: Shards that are submitted and not done, for each worker: one runs, one waits.
_AHEAD = 2


def run_shards(
    executor: Executor,
    job: ShardJob,
    shards: Iterator[Shard],
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> dict[int, ReplayReport]:
    """Run shards and return their reports by number.

    Parameters
    ----------
    executor
        Any `concurrent.futures.Executor`.
    job
        What all shards have in common.
    shards
        The shards, taken when there is space for them.
    workers
        Number of shards that run at the same time.
    progress
        Called with the number of exchanges after each shard.

    Raises
    ------
    UsageError
        A setting can't go to another process.
    """
    run = _PoolRun(executor, job, progress)
    try:
        for shard in shards:
            run.submit(shard)
            while run.full(workers * _AHEAD):
                run.take()
        while run.full(1):
            run.take()
    except KeyboardInterrupt:
        run.interrupt()
    finally:
        run.close()
    return run.reports


class _PoolRun:
    """State of a run: the shards that are submitted, and the reports so far."""

    def __init__(self, executor: Executor, job: ShardJob, progress: Callable[[int], None] | None) -> None:
        _check_portable(executor, job)
        self.reports: dict[int, ReplayReport] = {}
        self._executor = executor
        self._own: Executor | None = None
        self._job = job
        self._progress = progress
        self._running: dict[Future[ReplayReport], Shard] = {}
        self._read = 0

    def full(self, limit: int) -> bool:
        """Whether at least `limit` shards are not done."""
        return len(self._running) >= limit

    def submit(self, shard: Shard) -> None:
        """Submit a shard; if the pool is broken, first find the shards that it lost."""
        try:
            self._running[self._executor.submit(run_shard, self._job, shard)] = shard
        except (BrokenExecutor, RuntimeError, OSError) as error:
            self._recover([*self._running.values(), shard], error)

    def take(self) -> None:
        """Wait for a shard and keep its report."""
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        broken: BaseException | None = None
        lost: list[Shard] = []
        for future in done:
            shard = self._running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                broken, lost = error, [*lost, shard]
            elif error is not None:
                self._fail(shard, f"{type(error).__name__}: {error}")
            else:
                self._keep(shard, future.result())
        if broken is not None:
            self._recover([*lost, *self._running.values()], broken)

    def interrupt(self) -> None:
        """Cancel the shards that have not begun; those that run are not waited for."""
        for future, shard in self._running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._keep(shard, future.result())
                continue
            future.cancel()
            report = self._empty(shard)
            report.skipped, report.interrupted = report.read, True
            self.reports[shard.number] = report

    def _recover(self, shards: list[Shard], error: BaseException) -> None:
        """Run every lost shard again, alone in a new pool, and use a new pool for the next ones."""
        self._running.clear()
        for shard in shards:
            pool = _similar(self._executor, 1)
            if pool is None:
                self._fail(shard, f"the executor is broken ({error})")
                continue
            with pool:
                try:
                    report = pool.submit(run_shard, self._job, shard).result()
                except BrokenExecutor:
                    self._fail(shard, "its process died")
                except Exception as failure:  # noqa: BLE001 -- any failure costs this shard only
                    self._fail(shard, f"{type(failure).__name__}: {failure}")
                else:
                    text = f"{shard.title} ran again, because a process of the pool died."
                    report.notes.add("pool", text, record=False)
                    self._keep(shard, report)
        fresh = _similar(self._executor, None)
        if fresh is not None:
            self.close()
            self._executor = self._own = fresh

    def _keep(self, shard: Shard, report: ReplayReport) -> None:
        self.reports[shard.number] = report
        self._count(report)

    def _fail(self, shard: Shard, reason: str) -> None:
        report = self._empty(shard)
        report.failed = report.read
        report.notes.add("pool", f"{shard.title} is lost: {reason}.", record=False)
        self._keep(shard, report)

    def _empty(self, shard: Shard) -> ReplayReport:
        report = ReplayReport(self._job.name, self._job.traffic)
        report.read, report.shards = len(shard.positions), 1
        return report

    def _count(self, report: ReplayReport) -> None:
        self._read += report.read
        if self._progress is not None:
            self._progress(self._read)

    def close(self) -> None:
        """Shut down the pool that replaced a broken one."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)


def _similar(executor: Executor, processes: int | None) -> Executor | None:
    """Return a new process pool with the settings of a broken one; None for other kinds of executors."""
    if not isinstance(executor, ProcessPoolExecutor):
        return None
    parts = vars(executor)
    return ProcessPoolExecutor(
        processes or parts["_max_workers"],
        parts["_mp_context"],
        parts["_initializer"],
        parts["_initargs"],
    )


def _check_portable(executor: Executor, job: ShardJob) -> None:
    """Check that the job can be pickled, for executors that do so."""
    if not isinstance(executor, ProcessPoolExecutor):
        return
    try:
        pickle.dumps(job)
    except (TypeError, ValueError, AttributeError, RecursionError, pickle.PicklingError) as error:
        raise UsageError(
            f"A setting of the proxy can't go to another process ({error}). Use functions of a module, not lambdas, or leave out executor=."
        ) from None

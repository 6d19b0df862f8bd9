"""Runs shards on an executor, a bounded number at a time, and reports progress. A process that dies loses only its own
shard.

A process pool breaks when one of its processes dies, and fails every shard that was submitted. These shards run again, each
alone in a pool of its own, so that the one that kills its process is found; the others lose nothing. Other executors, such as
dask's, start a new process themselves and report the shard that killed its process as failed.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from typing import Any, Generic, Protocol, Self, TypeVar

from ...errors import UsageError

__all__ = ["Job", "Mergeable", "Part", "run_shards", "workers_of"]

#: Shards that are submitted and not done, for each worker: one runs, one waits.
_AHEAD = 2

#: Seconds between two checks that the pool is alive.
_LOOK = 1.0


class Part(Protocol):
    """A part of the work."""

    @property
    def number(self) -> int:
        """Number of the part, from 0."""
        ...

    @property
    def title(self) -> str:
        """The part in messages."""
        ...


class Mergeable(Protocol):
    """The result of a part. Merging results is associative."""

    @property
    def read(self) -> int:
        """Amount of work, for the progress."""
        ...

    def add(self, other: Self) -> None:
        """Add the result of the next part."""
        ...


R = TypeVar("R", bound=Mergeable)
S_contra = TypeVar("S_contra", bound=Part, contravariant=True)


class Job(Protocol[S_contra, R]):
    """Common data of all parts. It is sent to other processes."""

    def empty(self) -> R:
        """Return an empty result."""
        ...

    def run(self, shard: S_contra) -> R:
        """Run a part. This happens in the executor's processes."""
        ...

    def lost(self, shard: S_contra, reason: str) -> R:
        """Return the result of a part that is lost."""
        ...

    def interrupted(self, shard: S_contra) -> R:
        """Return the result of a part that an interrupt has cut off."""
        ...

    def repeated(self, shard: S_contra, result: R) -> None:
        """Note in a result that its part ran twice, because a process died."""
        ...


def run_shards(
    executor: Executor,
    job: Job[Any, R],
    shards: Iterator[Any],
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> R:
    """Run shards and return the result of all of them, in their order.

    Parameters
    ----------
    executor
        Any `concurrent.futures.Executor`.
    job
        Common data of all shards.
    shards
        The shards, taken when there is space for them.
    workers
        Number of shards that run at the same time.
    progress
        Called with the number of exchanges after each shard.

    Raises
    ------
    UsageError
        A setting can't be sent to another process.
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
    return run.merged()


def workers_of(executor: Executor | None, default: int) -> int:
    """Return how many tasks an executor runs at the same time, or a default if it doesn't say so."""
    processes = getattr(executor, "_max_workers", None)
    return processes if isinstance(processes, int) else default


def _run(job: Job[Any, R], shard: Any) -> R:
    """Run a shard; a function of a module, because it goes to other processes."""
    return job.run(shard)


class _PoolRun(Generic[R]):
    """State of a run: the shards that are submitted, and the results so far."""

    def __init__(self, executor: Executor, job: Job[Any, R], progress: Callable[[int], None] | None) -> None:
        _check_portable(executor, job)
        self._whole = job.empty()
        self._merged = 0  # shards in the whole: merging at once keeps the memory at one copy of the rows
        self._waiting: dict[int, R] = {}
        self._executor = executor
        self._own: Executor | None = None
        self._job = job
        self._progress = progress
        self._running: dict[Future[R], Any] = {}
        self._read = 0

    def full(self, limit: int) -> bool:
        """Whether at least `limit` shards are not done."""
        return len(self._running) >= limit

    def submit(self, shard: Any) -> None:
        """Submit a shard; if the pool is broken, first find the shards that it lost."""
        try:
            self._running[self._executor.submit(_run, self._job, shard)] = shard
        except (BrokenExecutor, RuntimeError, OSError) as error:
            self._recover([*self._running.values(), shard], error)

    def take(self) -> None:
        """Wait for a shard and keep its result."""
        done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        if not done and _is_broken(self._executor):  # submitted while the pool broke: Python 3.11 forgets such futures
            self._recover([*self._running.values()], BrokenExecutor("a process died"))
            return
        broken: BaseException | None = None
        lost: list[Any] = []
        for future in done:
            shard = self._running.pop(future)
            error = CancelledError("it was cancelled") if future.cancelled() else future.exception()
            if isinstance(error, BrokenExecutor):
                broken, lost = error, [*lost, shard]
            elif error is not None:
                self._keep(shard, self._job.lost(shard, f"{type(error).__name__}: {error}"))
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
            self._waiting[shard.number] = self._job.interrupted(shard)

    def _recover(self, shards: list[Any], error: BaseException) -> None:
        """Run every lost shard again, alone in a new pool, and use a new pool for the next ones."""
        self._running.clear()
        _end_processes(self._executor)
        for shard in shards:
            pool = _similar(self._executor, 1)
            if pool is None:
                self._keep(shard, self._job.lost(shard, f"the executor is broken ({error})"))
                continue
            with pool:
                try:
                    result = pool.submit(_run, self._job, shard).result()
                except BrokenExecutor:
                    self._keep(shard, self._job.lost(shard, "its process died"))
                except Exception as failure:  # noqa: BLE001 -- any failure costs this shard only
                    self._keep(shard, self._job.lost(shard, f"{type(failure).__name__}: {failure}"))
                else:
                    self._job.repeated(shard, result)
                    self._keep(shard, result)
        fresh = _similar(self._executor, None)
        if fresh is not None:
            self.close()
            self._executor = self._own = fresh

    def _keep(self, shard: Any, result: R) -> None:
        self._read += result.read
        self._waiting[shard.number] = result
        while (following := self._waiting.pop(self._merged, None)) is not None:
            self._whole.add(following)
            self._merged += 1
        if self._progress is not None:
            self._progress(self._read)

    def merged(self) -> R:
        """Return the result of all shards that have one."""
        for number in sorted(self._waiting):
            self._whole.add(self._waiting.pop(number))
        return self._whole

    def close(self) -> None:
        """Shut down the pool that replaced a broken one."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)


def _is_broken(executor: Executor) -> bool:
    return isinstance(executor, ProcessPoolExecutor) and bool(vars(executor).get("_broken"))


def _end_processes(executor: Executor) -> None:
    """End the remaining processes of a broken pool.

    Python 3.11 doesn't lock the pool while it ends its processes. One that starts at this moment stays, and the pool's
    `shutdown` waits for it forever.
    """
    if _is_broken(executor):
        for process in list((vars(executor).get("_processes") or {}).values()):
            process.kill()


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


def _check_portable(executor: Executor, job: Any) -> None:
    """Check that the job can be pickled, for executors that do so."""
    if not isinstance(executor, ProcessPoolExecutor):
        return
    try:
        pickle.dumps(job)
    except (TypeError, ValueError, AttributeError, RecursionError, pickle.PicklingError) as error:
        raise UsageError(
            f"A setting of the proxy can't be sent to another process ({error}). Use functions of a module instead of lambdas, or leave out executor=."
        ) from None

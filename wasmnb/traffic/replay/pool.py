"""Run the shards of a recording on an executor, a limited number at a time, and merge their results.

When a process of a process pool dies, the pool breaks, and all submitted shards fail. Each of them is then run again in a new
pool with one process, so that only the shard that kills its process is lost. Other executors, such as dask's, start a new
process themselves, and report the shard that killed its process as failed.
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

__all__ = ["Job", "Mergeable", "WorkShare", "run_shards", "workers_of"]

#: Number of submitted shards per worker: one that runs and one that waits.
_AHEAD = 2

#: Seconds between two checks whether the pool is broken.
_LOOK = 1.0


class WorkShare(Protocol):
    """A part of the work, which runs as one task of the executor."""

    @property
    def number(self) -> int:
        """Number of the part, counted from 0."""
        ...

    @property
    def title(self) -> str:
        """Description of the part in messages."""
        ...


class Mergeable(Protocol):
    """The result of a part. Results of several parts are merged by `add`, which is associative."""

    @property
    def read(self) -> int:
        """Number of exchanges that were read, which is reported as progress."""
        ...

    def add(self, other: Self) -> None:
        """Add the result of the next part to this one."""
        ...


R = TypeVar("R", bound=Mergeable)
S_contra = TypeVar("S_contra", bound=WorkShare, contravariant=True)


class Job(Protocol[S_contra, R]):
    """The work that is done for each part. The object is sent to other processes."""

    def empty(self) -> R:
        """Return an empty result, to which the results of parts are added."""
        ...

    def run(self, shard: S_contra) -> R:
        """Run a part and return its result. Called in a process of the executor."""
        ...

    def lost(self, shard: S_contra, reason: str) -> R:
        """Return the result of a part that failed. `reason` states why, for example that its process died."""
        ...

    def interrupted(self, shard: S_contra) -> R:
        """Return the result of a part that didn't run because of an interrupt."""
        ...

    def repeated(self, shard: S_contra, result: R) -> None:
        """Add a message to the result of a part that ran twice, because a process died."""
        ...


def run_shards(
    executor: Executor,
    job: Job[Any, R],
    shards: Iterator[Any],
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> R:
    """Run shards on an executor, and return their merged result.

    Parameters
    ----------
    executor
        Any `concurrent.futures.Executor`.
    job
        The work that is done for each shard.
    shards
        Iterator over the shards. Only a limited number of shards is read in advance.
    workers
        Number of shards that run at the same time.
    progress
        Function that is called after each shard with the number of exchanges so far (default None).

    Raises
    ------
    UsageError
        A setting of the job can't be pickled.
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
    """Return the number of tasks that an executor runs at the same time, or `default` if it is unknown."""
    processes = getattr(executor, "_max_workers", None)
    return processes if isinstance(processes, int) else default


def _run(job: Job[Any, R], shard: Any) -> R:
    """Run a shard. This is a module-level function, so that it can be pickled."""
    return job.run(shard)


class _PoolRun(Generic[R]):
    """State of a run: the submitted shards and the results so far."""

    def __init__(self, executor: Executor, job: Job[Any, R], progress: Callable[[int], None] | None) -> None:
        _check_portable(executor, job)
        self._whole = job.empty()
        self._merged = (
            0  # number of merged shards. They are merged as early as possible, so that only one copy of the rows exists
        )
        self._waiting: dict[int, R] = {}
        self._executor = executor
        self._own: Executor | None = None
        self._job = job
        self._progress = progress
        self._running: dict[Future[R], Any] = {}
        self._read = 0

    def full(self, limit: int) -> bool:
        """Return whether at least `limit` submitted shards haven't ended."""
        return len(self._running) >= limit

    def submit(self, shard: Any) -> None:
        """Submit a shard to the executor. If the pool is broken, run the shards that it lost again."""
        try:
            self._running[self._executor.submit(_run, self._job, shard)] = shard
        except (BrokenExecutor, RuntimeError, OSError) as error:
            self._recover([*self._running.values(), shard], error)

    def take(self) -> None:
        """Wait until a shard has ended, and store its result."""
        done, _ = wait(self._running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        if not done and _is_broken(self._executor):  # in Python 3.11, futures submitted while the pool breaks never end
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
        """Cancel the shards that haven't begun. Running shards are not waited for."""
        for future, shard in self._running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._keep(shard, future.result())
                continue
            future.cancel()
            self._waiting[shard.number] = self._job.interrupted(shard)

    def _recover(self, shards: list[Any], error: BaseException) -> None:
        """Run each of the lost shards again in a new pool with one process, and create a new pool for further shards."""
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
        """Return the merged result of all shards that have one."""
        for number in sorted(self._waiting):
            self._whole.add(self._waiting.pop(number))
        return self._whole

    def close(self) -> None:
        """Shut down the pool that replaced a broken one, if any."""
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)


def _is_broken(executor: Executor) -> bool:
    return isinstance(executor, ProcessPoolExecutor) and bool(vars(executor).get("_broken"))


def _end_processes(executor: Executor) -> None:
    """Kill the remaining processes of a broken pool.

    When a pool of Python 3.11 breaks, it ends its processes without a lock. A process that starts at this moment keeps
    running, and `shutdown` would wait for it forever.
    """
    if _is_broken(executor):
        for process in list((vars(executor).get("_processes") or {}).values()):
            process.kill()


def _similar(executor: Executor, processes: int | None) -> Executor | None:
    """Return a new process pool with the settings of a broken one, or None for other kinds of executors.

    Parameters
    ----------
    executor
        The broken executor.
    processes
        Number of processes, or None for the same number.
    """
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
    """Raise an error if the executor is a process pool and the job can't be pickled."""
    if not isinstance(executor, ProcessPoolExecutor):
        return
    try:
        pickle.dumps(job)
    except (TypeError, ValueError, AttributeError, RecursionError, pickle.PicklingError) as error:
        raise UsageError(
            f"A setting of the proxy can't be sent to another process: {error}. Use module-level functions instead of lambdas, or omit executor=."
        ) from None

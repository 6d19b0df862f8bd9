"""Limit of the bytes that guests store in their proxy: shared data, queues, metrics.

Envoy has no limit, and the system kills it when memory runs out. The simulation runs in a notebook's kernel, which must
survive: hostcalls beyond the limit fail, and the log says so once.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["OVERHEAD", "StorageBudget"]

#: Bytes that Python needs for an entry beyond its contents.
OVERHEAD = 200


class StorageBudget:
    """Counts the bytes that the guests of one proxy store.

    Parameters
    ----------
    limit
        Bytes.
    report
        Called with a sentence when a hostcall fails for the first time.
    """

    def __init__(self, limit: int, report: Callable[[str], None] = lambda _text: None) -> None:
        self.limit = limit
        self.used = 0
        self._report = report
        self._reported = False

    def take(self, size: int) -> bool:
        """Count bytes that a guest stores; return False if they exceed the limit."""
        if self.used + size <= self.limit:
            self.used += size
            return True
        if not self._reported:
            self._reported = True
            self._report(
                f"The filters have stored {self.used:,} bytes in shared data, queues and metrics, and {self.limit:,} are "
                "allowed: this call returns InternalFailure. Remove what is not needed, or raise memory_limit."
            )
        return False

    def give(self, size: int) -> None:
        """Count bytes that a guest no longer stores."""
        self.used -= size

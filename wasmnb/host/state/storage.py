"""The bytes that guests may store in their proxy: shared data, queues, metrics.

Envoy sets no limit and is ended by the system when memory runs out. The simulation lives in a notebook's kernel, which
must not end: what goes beyond the limit is refused, and the log says so once.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["OVERHEAD", "StorageBudget"]

#: Bytes that Python needs for an entry beyond its contents.
OVERHEAD = 200


class StorageBudget:
    """What the guests of one proxy have stored, and may store.

    Parameters
    ----------
    limit
        Bytes.
    report
        Called once, with a sentence, when something is refused.
    """

    def __init__(self, limit: int, report: Callable[[str], None] = lambda _text: None) -> None:
        self.limit = limit
        self.used = 0
        self._report = report
        self._reported = False

    def take(self, size: int) -> bool:
        """Count bytes that are stored; False if they must not be."""
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
        """Count bytes that are stored no longer."""
        self.used -= size

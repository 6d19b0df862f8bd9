"""Base class of HTTP and TCP contexts, which registers them with their VM and root context."""

from __future__ import annotations

from .base import Context
from .root import RootContext

__all__ = ["StreamContext"]


class StreamContext(Context):
    """Context of one stream in one filter.

    Parameters
    ----------
    root
        Root context of the filter's plugin in the VM.

    Attributes
    ----------
    fail_open
        Whether the stream continues when the VM has failed.
    """

    root: RootContext

    def __init__(self, root: RootContext) -> None:
        super().__init__(root.vm, root.plugin, root, root.vm.contexts.new_id())
        assert root.plugin is not None
        self.fail_open = root.plugin.fail_open
        self.vm.contexts[self.id] = self
        root.streams[self.id] = self

    def leave(self) -> None:
        """Remove the context from its VM and its root context."""
        self.vm.contexts.pop(self.id, None)
        self.root.streams.pop(self.id, None)

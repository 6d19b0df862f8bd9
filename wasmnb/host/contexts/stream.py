"""Base class of HTTP and TCP contexts. It registers them with their VM and root context while they exist."""

from __future__ import annotations

from .base import Context
from .root import RootContext

__all__ = ["StreamContext"]


class StreamContext(Context):
    """The context of one stream in one filter.

    Parameters
    ----------
    root
        The plugin's context in the VM.

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
        """Remove the context from the VM and from the root's streams."""
        self.vm.contexts.pop(self.id, None)
        self.root.streams.pop(self.id, None)

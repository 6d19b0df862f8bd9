"""What HTTP and TCP contexts have in common: a place in their VM and among their root's streams, as long as they live."""

from __future__ import annotations

from .base import Context
from .root import RootContext

__all__ = ["StreamContext"]


class StreamContext(Context):
    """A context of a stream that filters hold.

    Parameters
    ----------
    root
        The plugin's context in the VM.

    Attributes
    ----------
    fail_open
        Whether the stream goes on when the VM has failed.
    """

    root: RootContext

    def __init__(self, root: RootContext) -> None:
        super().__init__(root.vm, root.plugin, root, root.vm.contexts.new_id())
        assert root.plugin is not None
        self.fail_open = root.plugin.fail_open
        self.vm.contexts[self.id] = self
        root.streams[self.id] = self

    def leave(self) -> None:
        """Be found no more, by the guest's numbers or among the root's streams."""
        self.vm.contexts.pop(self.id, None)
        self.root.streams.pop(self.id, None)

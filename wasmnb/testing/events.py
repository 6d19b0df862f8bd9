"""What happens to a filter beside requests (a new configuration, an item in one of its queues), and all that did happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import FilterTrap, UsageError
from ..host.plugins.plugin import to_config
from ..messages import Text, to_bytes, to_text

__all__ = ["enqueue", "events_of", "reconfigure"]


def reconfigure(proxy: Any, config: Any, *, plugin: int = 0, drain: float = 1.0) -> bool:
    """Give a plugin another configuration while traffic runs, as a listener update does.

    Parameters
    ----------
    proxy
        A simulated proxy.
    config
        Bytes, text, or anything that JSON can write.
    plugin
        Which plugin of the chain, from 0.
    drain
        Virtual seconds that old streams have to finish.

    Returns
    -------
    bool
        Whether it is in force now; False if the filter refused it, and the old one goes on serving.
    """
    wanted = list(proxy.plugins)
    if not -len(wanted) <= plugin < len(wanted):
        raise UsageError(f"There is no plugin {plugin}; the chain has {len(wanted)}, numbered from 0.")
    wanted[plugin] = replace(wanted[plugin], config=to_config(config))
    try:
        proxy.update(wanted, drain=drain)
    except FilterTrap:
        return False
    return True


def enqueue(proxy: Any, queue: Text, item: Text) -> None:
    """Put an item into a shared queue, as another plugin would; its receiver is told before this returns.

    Parameters
    ----------
    proxy
        A simulated proxy.
    queue
        Name of a queue that a filter has registered.

    Raises
    ------
    UsageError
        There is no such queue.
    """
    there = {found.name: found.token for found in proxy.shared_data.queues()}
    token = there.get(to_bytes(queue))
    if token is None:
        known = ", ".join(map(to_text, there)) or "none"
        raise UsageError(f"No filter has registered a queue {to_text(to_bytes(queue))!r}; there are: {known}.")
    proxy.loop.run_on(proxy.loop.main, lambda: proxy.server.shared.enqueue(token, to_bytes(item)))


def events_of(source: Any, instead: str = "") -> Iterable[Any]:
    """The events of a simulated proxy, of one of its exchanges, or a sequence of events as it is.

    Parameters
    ----------
    instead
        What to do with a real Envoy, for the error.

    Raises
    ------
    UsageError
        The source is a real Envoy's, which does not show what happens inside.
    TypeError
        It is something else.
    """
    if type(source).__module__.startswith("wasmnb.envoy"):
        raise UsageError(f"A real Envoy does not show its callbacks and hostcalls. {instead}".rstrip())
    events = getattr(source, "trace", None)
    found: Iterable[Any] = getattr(source, "events", source) if events is None else events
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise TypeError(
            f"A {type(source).__name__} has no events: give a simulated proxy, an exchange of one, or events."
        )
    return found

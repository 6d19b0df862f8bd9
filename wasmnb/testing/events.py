"""What happens to a filter beside requests: a new configuration, an item in one of its queues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import FilterTrap, UsageError
from ..host.plugin import to_config
from ..messages import Text, to_bytes, to_text

__all__ = ["enqueue", "reconfigure"]


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
    proxy._run_on(proxy._main, lambda: proxy._environment.shared.enqueue(token, to_bytes(item)))

"""Functions that change a plugin's configuration or a queue during a test, and access to a proxy's events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..errors import FilterTrap, UsageError
from ..host.plugins.plugin import to_config
from ..messages import Text, to_bytes, to_text
from ..view.render.units import plural

__all__ = ["enqueue", "events_of", "reconfigure"]


def reconfigure(proxy: Any, config: Any, *, plugin: int = 0, drain: float = 1.0) -> bool:
    """Replace the configuration of a running plugin, in the same way as a listener update in Envoy.

    Parameters
    ----------
    proxy
        A simulated proxy.
    config
        Configuration as bytes, text, or a value that can be encoded as JSON.
    plugin
        Index of the plugin in the filter chain, counted from 0 (default 0).
    drain
        Virtual seconds that streams of the old configuration have to finish (default 1).

    Returns
    -------
    bool
        True if the new configuration is active, False if the filter refused it and the old one stays.

    Raises
    ------
    UsageError
        The chain has no plugin with this index.
    """
    plugins = list(proxy.plugins)
    if not -len(plugins) <= plugin < len(plugins):
        raise UsageError(
            f"The filter chain has no plugin={plugin}. It has {plural(len(plugins), 'plugin')}, numbered from 0."
        )
    plugins[plugin] = replace(plugins[plugin], config=to_config(config))
    try:
        proxy.update(plugins, drain=drain)
    except FilterTrap:
        return False
    return True


def enqueue(proxy: Any, queue: Text, item: Text) -> None:
    """Add an item to a shared queue, in place of another plugin. The receiver's callback runs before this function returns.

    Parameters
    ----------
    proxy
        A simulated proxy.
    queue
        Name of a queue that a filter has registered.
    item
        The item, as bytes or text.

    Raises
    ------
    UsageError
        No filter has registered the queue.
    """
    tokens = {registered.name: registered.token for registered in proxy.shared_data.queues()}
    token = tokens.get(to_bytes(queue))
    if token is None:
        known = ", ".join(map(to_text, tokens)) or "none"
        raise UsageError(f"No filter has registered a queue {to_text(to_bytes(queue))!r}. Registered queues: {known}.")
    proxy.loop.run_on(proxy.loop.main, lambda: proxy.server.shared.enqueue(token, to_bytes(item)))


def events_of(source: Any, hint: str = "") -> Iterable[Any]:
    """Return the trace events of a simulated proxy or of one of its exchanges. A sequence of events is returned unchanged.

    Parameters
    ----------
    source
        A simulated proxy, an exchange, or a sequence of events.
    hint
        Sentence of advice that is added to the error for a real Envoy (default none).

    Raises
    ------
    UsageError
        The source belongs to a real Envoy, which doesn't report its callbacks.
    TypeError
        The source is none of these objects.
    """
    if not getattr(source, "reports_callbacks", True):
        raise UsageError(f"A real Envoy doesn't report its callbacks and hostcalls. {hint}".rstrip())
    events = getattr(source, "trace", None)
    sequence: Iterable[Any] = getattr(source, "events", source) if events is None else events
    if isinstance(sequence, str | bytes) or not isinstance(sequence, Iterable):
        raise TypeError(
            f"{type(source).__name__} objects have no events. Pass a simulated proxy, one of its exchanges, or events."
        )
    return sequence

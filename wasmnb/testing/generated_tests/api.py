"""The function `write_test`, which converts exchanges of a proxy to a pytest test."""

from __future__ import annotations

import ast
import re
from typing import Any

from ...errors import UsageError, WasmnbError
from ...host import Proxy
from .filter_code import FilterSources
from .recipe import Recipe
from .writer import TestWriter

__all__ = ["select_exchanges", "write_test"]

#: Settings of the proxy that the test sets in another way, or that don't affect the filter.
_OWN = frozenset({"workers", "upstream", "clusters", "name", "log_level"})

#: Difference between the virtual times of the two runs, in seconds. It changes all digits of a date, and the day of the week.
_LATER = 98_765_432.1


def write_test(proxy: Proxy, exchanges: Any = None, *, name: str = "", mask: bool = True) -> str:
    """Write a pytest test that repeats exchanges of a simulated proxy.

    The test contains the filter, scripted upstreams with the recorded responses, the requests, and assertions about everything
    that the filter changed: requests to the upstream, responses, callouts and log lines. It is run twice before it is returned,
    and values that differ between the runs, such as ids and dates, become patterns. A comment is added if the outcome in a new
    proxy differs from the recorded one, because earlier requests have an effect or secrets are masked.

    Parameters
    ----------
    proxy
        A simulated proxy.
    exchanges
        Exchanges of the proxy, or a selection of their numbers such as `"3-7,9"` (default None: the last exchange).
    name
        Name of the test function (default '': a name derived from the first request).
    mask
        Whether to replace secrets by `***` (default True). Secrets in the filter's configuration are not replaced.

    Returns
    -------
    str
        Code of the test file.

    Raises
    ------
    UsageError
        The proxy has no such exchange, or an exchange can't be repeated.
    """
    if not isinstance(proxy, Proxy):
        raise UsageError(f"proxy= of write_test() must be a simulated Proxy, not {type(proxy).__name__}.")
    selected = (
        select_exchanges(proxy, exchanges) if exchanges is None or isinstance(exchanges, str) else list(exchanges)
    )
    if not selected:
        raise UsageError("exchanges= of write_test() is empty. Pass at least one exchange.")
    unfinished = next(
        (exchange.number for exchange in selected if not exchange.done and exchange.state != "paused"), None
    )
    if unfinished is not None:
        raise UsageError(f"Exchange {unfinished} hasn't ended. Finish it before you write a test.")
    recipe = Recipe.of(proxy, selected, masking=mask)
    settings, codes = _settings(proxy, max(step.worker for step in recipe.steps))
    start = proxy.simulation.start_time
    plugins = list(proxy.plugins)
    try:
        runs = (
            recipe.run(plugins, {**settings, "seed": 0}),
            recipe.run(plugins, {**settings, "seed": 12345, "start_time": start + _LATER}),
        )
    except WasmnbError as error:
        raise UsageError(f"The exchanges can't be repeated in a new proxy: {error}") from None
    writer = TestWriter(FilterSources(plugins), recipe, runs, selected, codes)
    return writer.code(name or _name(selected[0]))


def select_exchanges(proxy: Proxy, selection: str | None) -> list[Any]:
    """Return the exchanges selected by text such as `3-7,9`. None selects the last exchange.

    Raises
    ------
    UsageError
        The text is not a selection, or the proxy doesn't have one of the exchanges.
    """
    kept = {exchange.number: exchange for exchange in proxy.exchanges}
    if not kept:
        raise UsageError(f"{proxy.name} has no exchange yet. Send one, for example with %wasmcurl.")
    if not selection:
        return [kept[max(kept)]]
    numbers: list[int] = []
    for part in selection.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if match is None:
            raise UsageError(f"{selection!r} is not a selection of exchanges. Write numbers such as 3, 3-7 or 3,5-7.")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    missing = [number for number in numbers if number not in kept]
    if missing or not numbers:
        have = f"{min(kept)} to {max(kept)}"
        raise UsageError(f"{proxy.name} has no exchange {missing[0] if missing else selection}. Choose from {have}.")
    return [kept[number] for number in dict.fromkeys(numbers)]


def _settings(proxy: Proxy, worker: int) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of the test's proxy that differ from the defaults, both as values and as code.

    Raises
    ------
    UsageError
        A setting can't be written as code.
    """
    arguments = proxy.settings.arguments()
    changed = [name for name in arguments if name not in _OWN and proxy.settings.changed(name) is not None]
    values: dict[str, Any] = {"workers": worker, **{name: arguments[name] for name in changed}}
    codes = []
    for name, value in values.items():
        if (name, value) == ("workers", 1):
            continue
        code = repr(value)
        try:
            ast.literal_eval(code)
        except (ValueError, SyntaxError):
            raise UsageError(
                f"The proxy's setting {name}= can't be written as code. Write this test by hand."
            ) from None
        codes.append(f"{name}={code}")
    return values, codes


def _name(exchange: Any) -> str:
    request = getattr(exchange, "request", None)
    words = "connection" if request is None else f"{request.method} {request.path.partition('?')[0]}"
    slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:50]
    return f"test_{slug}"

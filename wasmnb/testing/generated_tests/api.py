"""`write_test`: exchanges of a proxy as a pytest test."""

from __future__ import annotations

import ast
import re
from typing import Any

from ...errors import UsageError, WasmnbError
from ...host import Proxy
from .filter_code import FilterChain
from .recipe import Recipe
from .writer import TestWriter

__all__ = ["select_exchanges", "write_test"]

#: Settings that a test has anyway, or that have nothing to do with what a filter does.
_OWN = frozenset({"workers", "upstream", "clusters", "name", "log_level"})

#: Start of virtual time in the second run, in seconds after the first: other digits in dates, on another day of the week.
_LATER = 98_765_432.1


def write_test(proxy: Proxy, exchanges: Any = None, *, name: str = "", mask: bool = True) -> str:
    """Write exchanges of a simulated proxy as a pytest test that repeats them.

    The test has the filter, scripted upstreams with the recorded responses, the requests, and assertions about everything that
    the filter changed: requests at the upstream, responses, callouts and log lines. It is run twice before it is returned:
    values that differ then, such as ids and dates, become patterns. If a new proxy does something else than the recorded one,
    because earlier requests matter or secrets are masked, a comment in the test says so.

    Parameters
    ----------
    proxy
        A simulated proxy.
    exchanges
        Exchanges of the proxy, or a selection of their numbers such as `"3-7,9"`. None (the default): the last one.
    name
        Name of the test function. By default, it is made from the first request.
    mask
        Replace secrets by `***` (default True). The configuration of the filter is written as it is.

    Returns
    -------
    str
        The code of the test file.

    Raises
    ------
    UsageError
        There is no such exchange, or one of them can't be repeated.
    """
    if not isinstance(proxy, Proxy):
        raise UsageError(f"write_test() needs a Proxy, not {type(proxy).__name__}.")
    selected = (
        select_exchanges(proxy, exchanges) if exchanges is None or isinstance(exchanges, str) else list(exchanges)
    )
    if not selected:
        raise UsageError("There is no exchange to write a test for.")
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
    writer = TestWriter(FilterChain(plugins), recipe, runs, selected, codes)
    return writer.code(name or _name(selected[0]))


def select_exchanges(proxy: Proxy, selection: str | None) -> list[Any]:
    """Return the exchanges that a selection such as `3-7,9` names; the last one for None.

    Raises
    ------
    UsageError
        It isn't a selection, or the proxy doesn't keep such an exchange.
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
            raise UsageError(f"{selection!r} doesn't select exchanges. Write numbers such as 3, 3-7 or 3,5-7.")
        numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
    missing = [number for number in numbers if number not in kept]
    if missing or not numbers:
        have = f"{min(kept)} to {max(kept)}"
        raise UsageError(f"There is no exchange {missing[0] if missing else selection}; {proxy.name} keeps {have}.")
    return [kept[number] for number in dict.fromkeys(numbers)]


def _settings(proxy: Proxy, worker: int) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of the test's proxy that differ from the defaults, as values and as code.

    Raises
    ------
    UsageError
        A setting has no short form as code.
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
                f"The proxy's setting {name}= has no short form as code; write this test by hand."
            ) from None
        codes.append(f"{name}={code}")
    return values, codes


def _name(exchange: Any) -> str:
    request = getattr(exchange, "request", None)
    words = "connection" if request is None else f"{request.method} {request.path.partition('?')[0]}"
    slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:50]
    return f"test_{slug}"

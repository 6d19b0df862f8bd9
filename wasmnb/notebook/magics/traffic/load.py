"""`%wasmload`: repeat one request many times, or run a load plan and show its results live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError as MagicUsageError
from IPython.core.magic import magics_class

from wasmnb.traffic.curl import FLAGS, from_options
from wasmnb.traffic.tcp import parse_bytes, takes_connections

from ...progress import progress_for
from ..arguments import NAME, flag, line_cell, parse
from ..base import FilterMagics

if TYPE_CHECKING:
    from wasmnb.traffic.load_plans import LoadPlan, PlanReport

__all__ = ["LoadMagics"]

#: Minimum pause between two updates of the chart: in real seconds, and as a multiple of the time that the last update took.
_PAUSE, _SHARE = 1.0, 5.0


@magics_class
class LoadMagics(FilterMagics):
    """The magic `%wasmload`."""

    @line_cell(
        NAME,
        flag("url", nargs="?", default="/", help="Path or URL of the requests (default /)."),
        flag("--requests", "-n", type=int, metavar="N", help="Number of requests or connections (default 1000)."),
        flag(
            "--rate",
            "-r",
            type=float,
            metavar="PER_SECOND",
            help="Requests per virtual second (default: each request is sent when the previous one has ended).",
        ),
        flag(
            "--plan",
            "-p",
            metavar="FILE|$NAME",
            help="A load plan: a YAML file, or a variable that contains a LoadPlan.",
        ),
        flag("--seed", type=int, default=0, help="Seed of the arrival times, mix and body sizes (default 0)."),
        *FLAGS,
    )
    def wasmload(self, line: str, cell: str | None = None) -> Any:
        r"""Send many requests through a filter, and show latency histograms of callbacks and requests.

        The flags of the request are those of curl. For a network filter, connections are opened instead of requests, and each
        sends the bytes of `-d`. Examples::

            %wasmload auth --requests 2000 --rate 500 -H 'x-user: ann' /pay
            %wasmload sniff -n 500 -d 'SSH-2.0-x\r\n'

        A load plan describes a mix of requests and sessions, phases with a rate or a number of users, and stop conditions. A
        chart shows the results while it runs. The stop button ends the run and keeps the results so far. Pass the plan with
        `--plan`, or write it in the cell::

            %%wasmload auth
            mix:
              - {path: "/search?q={random}", weight: 3}
              - {path: /pay, method: POST, size: [100, 2000]}
            phases:
              - {rate: 50, to: 500, seconds: 30}
              - {users: 20, seconds: 60}
            stop: {errors: 0.05}

        The same in Python: `wasmnb.load(auth, LoadPlan(...))`.
        """
        options = parse(self.wasmload, line)
        proxy = self.proxy(options.name)
        if cell is not None or options.plan is not None:
            return self.reported(proxy, self._run_plan(proxy, self._plan(options, cell), options.seed))
        return self.reported(proxy, self._run_requests(proxy, options))

    def _run_requests(self, proxy: Any, options: Any) -> Any:
        from wasmnb.traffic import load, load_connections

        default = self.shell.magics_manager.registry["WasmMagics"].requests
        number = default if options.requests is None else options.requests
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "{:.1f} s"

            def show(done: int, total: int) -> None:
                progress(f"{done:,} of {total:,}", done / total)

            rate, seed = options.rate, options.seed
            if takes_connections(proxy):
                return load_connections(
                    proxy, _chunks(options), connections=number, rate=rate, seed=seed, progress=show
                )
            request = {k: v for k, v in from_options(options, options.url).arguments.items() if k != "worker"}
            return load(proxy, progress=show, requests=number, rate=rate, seed=seed, **request)

    def _plan(self, options: Any, cell: str | None) -> LoadPlan:
        from wasmnb.traffic.load_plans import LoadPlan
        from wasmnb.traffic.load_plans.plan_file import parse_plan, read_plan

        if cell is not None and options.plan is not None:
            raise MagicUsageError("There are two load plans, one in the cell and one in --plan. Remove one of them.")
        if options.requests is not None or options.rate is not None:
            raise MagicUsageError(
                "--rate and --requests can't be used with a load plan. Set rates and numbers in the plan."
            )
        if cell is not None:
            return parse_plan(cell, "the cell")
        if not options.plan.startswith("$"):
            return read_plan(options.plan)
        plan = self.shell.user_ns.get(options.plan[1:])
        if not isinstance(plan, LoadPlan):
            raise MagicUsageError(
                f"--plan {options.plan}: the variable doesn't contain a LoadPlan. Assign a wasmnb.LoadPlan to it."
            )
        return plan

    def _run_plan(self, proxy: Any, plan: LoadPlan, seed: int) -> Any:
        from wasmnb.traffic import load

        if self.style in ("auto", "widget") and getattr(self.shell, "kernel", None) is not None:
            chart = _LiveChart()
            try:
                return load(proxy, plan, seed=seed, live=chart.show)
            finally:
                chart.close()
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "{:.1f} s"
            return load(proxy, plan, seed=seed, live=lambda report: progress(*progress_of(report, proxy.now)))


def progress_of(report: PlanReport, now: float) -> tuple[str, float]:
    """Return a line of text about a load plan that is running, and the fraction of its time that has passed (0 to 1).

    Parameters
    ----------
    report
        The report of the requests so far.
    now
        The proxy's virtual time in seconds.
    """
    elapsed, planned = now - report.origin, report.plan.seconds
    p99 = report.requests.quantile(0.99) / 1e6
    text = (
        f"{elapsed:.1f} of {planned:g} virtual s, {report.count:,} requests, p99 {p99:.3g} ms, {report.errors:,} errors"
    )
    return text, min(elapsed / planned, 1.0)


class _LiveChart:
    """Chart and tables below the cell, which are updated while the load runs and removed when it ends."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._next = time.monotonic() + _PAUSE

    def show(self, report: PlanReport) -> None:
        """Update the chart with the report so far. Does nothing if the last update was only a moment ago."""
        began = time.monotonic()
        if began < self._next:
            return
        from IPython.display import display

        from wasmnb.view import to_html, to_text
        from wasmnb.view.documents.traffic.plan import live_document

        document = live_document(report)
        bundle = {"text/html": to_html(document), "text/plain": to_text(document)}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)
        ended = time.monotonic()
        self._next = ended + max(_PAUSE, _SHARE * (ended - began))

    def close(self) -> None:
        """Remove the chart from the output of the cell."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)


def _chunks(options: Any) -> list[bytes]:
    """Return the bytes that each connection of a load sends."""
    if not options.data_items:
        raise MagicUsageError(
            rf"The bytes for the network filter {options.name} are missing. Pass them with -d: %wasmload {options.name} -d 'SSH-2.0-x\r\n'"
        )
    return [parse_bytes(item.text) for item in options.data_items]

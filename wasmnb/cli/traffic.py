"""`wasmnb load`, `wasmnb replay` and `wasmnb diff`: send generated or recorded traffic through one or two filters."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from wasmnb.notebook.magics.traffic.load import progress_of
from wasmnb.notebook.progress import TerminalProgress
from wasmnb.traffic.curl import from_options, read_at
from wasmnb.traffic.junit import write_junit
from wasmnb.traffic.load_plans.report import PlanReport
from wasmnb.traffic.replay.flags import executor_of, recording_of
from wasmnb.traffic.upstream_flags import evaluate, upstreams
from wasmnb.view.mimebundle import static_bundle

from . import INTERRUPTED
from .run import plugin_settings

__all__ = ["diff", "load", "replay"]


def load(options: Namespace) -> int:
    """Run `wasmnb load`. Returns 1 if the filter failed or a stop condition of the plan was met, 130 if interrupted."""
    from wasmnb.host import Plugin, Proxy
    from wasmnb.traffic import load as run

    plugin = Plugin(_filter(options.filter), **plugin_settings(options))
    with (
        Proxy(plugin, workers=options.workers, seed=options.seed, **upstreams(options, evaluate)) as proxy,
        TerminalProgress() as progress,
    ):
        progress.patience, progress.verdict = 1.0, "{:.1f} s"
        report = run(
            proxy, options.plan, seed=options.seed,
            live=lambda report: progress(*progress_of(report, proxy.now)),
            progress=lambda done, total: progress(f"{done:,} of {total:,}", done / total),
            **({} if options.plan else _request(options)),
        )  # fmt: skip
        print(json.dumps(report.as_dict(), indent=2) if options.as_json else static_bundle(report)["text/plain"])
    stopped = isinstance(report, PlanReport) and report.stopped and report.plan.stop.requests is None
    return INTERRUPTED if report.interrupted else int(bool(report.failed or stopped))


def replay(options: Namespace) -> int:
    """Run `wasmnb replay`. Returns 1 if an exchange failed or none was replayed, 130 if interrupted."""
    from wasmnb.traffic.replay import replay as run

    recording = recording_of(options)
    filter_ = _filter(options.filter)
    with executor_of(options) as executor, _Counter() as counter:
        report = run(
            filter_, recording, speed=options.speed, workers=options.workers, assign=options.assign, executor=executor,
            progress=counter.count, **_configuration(options),
        )  # fmt: skip
    _print(report, options)
    return INTERRUPTED if report.interrupted else int(bool(report.failed) or not report.replayed)


def diff(options: Namespace) -> int:
    """Run `wasmnb diff`. Returns 1 if the builds differ or no exchange was compared, 130 if interrupted."""
    from wasmnb.traffic.build_diff import diff as run

    recording = recording_of(options)
    old, new = _filter(options.old), _filter(options.new)
    with executor_of(options) as executor, _Counter() as counter:
        report = run(
            _plugin(old, options), _plugin(new, options), recording, workers=options.workers, assign=options.assign,
            executor=executor, progress=counter.count,
        )  # fmt: skip
    _print(report, options)
    return INTERRUPTED if report.interrupted else int(not report.same or not report.replayed)


def _request(options: Namespace) -> dict[str, Any]:
    return {"requests": options.requests, "rate": options.rate, **from_options(options, options.url).arguments}


def _filter(path: str) -> Any:
    from wasmnb.compiler import Filter

    with TerminalProgress() as progress:
        return Filter.from_file(path, progress=progress)


def _configuration(options: Namespace) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in ("config", "vm_config")}
    settings: dict[str, Any] = {name: read_at(value) for name, value in values.items() if value is not None}
    return settings | ({"root_id": options.root_id} if options.root_id else {})


def _plugin(filter_: Any, options: Namespace) -> Any:
    from wasmnb.host import Plugin

    return Plugin(filter_, **_configuration(options))


class _Counter(TerminalProgress):
    """Terminal progress as a number of exchanges, because their total is unknown until the end."""

    def count(self, number: int) -> None:
        """Show the number of exchanges that have ended so far."""
        self(f"{number:,} exchanges", 0.5)


def _print(report: Any, options: Namespace) -> None:
    print(json.dumps(report.as_dict(), indent=2) if options.as_json else static_bundle(report)["text/plain"])
    if options.junit is not None:
        write_junit(report, options.junit)

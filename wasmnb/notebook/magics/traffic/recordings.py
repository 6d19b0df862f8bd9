"""`%wasmreplay` and `%wasmdiff` send recorded traffic. `%wasmrecord` and `%wasmtest` write exchanges to files."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.traffic.replay.flags import PROCESSES, SPEED, TRAFFIC_FLAGS, executor_of, recording_of

from ...progress import progress_for
from ..arguments import NAME, flag, line_only, parse
from ..base import FilterMagics
from ..results import PythonCode, save_text

__all__ = ["RecordingMagics"]


@magics_class
class RecordingMagics(FilterMagics):
    """The magics `%wasmreplay`, `%wasmdiff`, `%wasmrecord` and `%wasmtest`."""

    @line_only(NAME, *TRAFFIC_FLAGS, SPEED, PROCESSES)
    def wasmreplay(self, line: str) -> Any:
        """Send recorded requests through a filter. The upstream responds with the recorded responses.

        The filter runs in a new proxy with the same settings, so that the running proxy is not affected. A recording is a HAR
        file, the output of Envoy's tap filter, a JSON access log, curl commands, raw HTTP/1, or wasmnb's `.jsonl`. Secrets are
        masked. The stop button ends the replay and shows the results so far. Examples::

            %wasmreplay auth day.har
            %wasmreplay auth access.log --field method=verb --processes 2

        The same in Python: `wasmnb.replay(auth, "day.har")`. To write a recording, use `%wasmrecord`.
        """
        from wasmnb.traffic.replay import replay

        options = parse(self.wasmreplay, line)
        proxy, recording = self.proxy(options.name), recording_of(options)
        with progress_for(self.shell, self.style) as progress, executor_of(options) as executor:
            progress.patience, progress.verdict = 1.0, "Replayed in {:.1f} s"
            report = replay(
                proxy, recording, speed=options.speed, workers=options.workers, assign=options.assign, executor=executor,
                progress=lambda number: progress(f"{number:,} exchanges", 0.5),
            )  # fmt: skip
        return self.reported(proxy, report)

    @line_only(
        flag("name", metavar="OLD", help="Name of the running filter with the old build."),
        flag("new", metavar="NEW", help="Name of the running filter with the new build."),
        *TRAFFIC_FLAGS,
        PROCESSES,
    )
    def wasmdiff(self, line: str) -> Any:
        """Compare two builds of a filter with recorded traffic, and group the differences.

        The comparison covers responses, upstream requests, log lines, metrics, callouts, and the time that each filter takes.
        Each group of differences contains an example. Example::

            %wasmdiff auth_v1 auth_v2 --traffic day.har

        The same in Python: `wasmnb.diff(auth_v1, auth_v2, "day.har")`.
        """
        from wasmnb.traffic.build_diff import diff

        options = parse(self.wasmdiff, line)
        old, new, recording = self.proxy(options.name), self.proxy(options.new), recording_of(options)
        with progress_for(self.shell, self.style) as progress, executor_of(options) as executor:
            progress.patience, progress.verdict = 1.0, "Compared in {:.1f} s"
            report = diff(
                old, new, recording, workers=options.workers, assign=options.assign, executor=executor,
                progress=lambda number: progress(f"{number:,} exchanges", 0.5),
            )  # fmt: skip
        return self.reported(new, report)

    @line_only(
        NAME,
        flag("path", metavar="FILE", help="A .jsonl or .har file."),
        flag(
            "exchanges",
            nargs="?",
            metavar="EXCHANGES",
            help="Numbers of exchanges, such as 3-7 or 1,4 (default: all exchanges that the proxy keeps).",
        ),
        flag("--no-mask", action="store_true", help="Keep credentials, cookies and tokens."),
    )
    def wasmrecord(self, line: str) -> Any:
        """Write exchanges of a filter to a recording, which `%wasmreplay` and `%wasmdiff` can read. Examples::

            %wasmrecord auth day.jsonl
            %wasmrecord auth login.har 3-7

        The same in Python: `wasmnb.write_traffic(auth.exchanges, "day.jsonl")`. To record future exchanges, use
        `wasmnb.record(auth, "day.jsonl")`.
        """
        from wasmnb.testing.generated_tests.api import select_exchanges
        from wasmnb.traffic.recorded import write_traffic

        options = parse(self.wasmrecord, line)
        proxy = self.proxy(options.name)
        exchanges = select_exchanges(proxy, options.exchanges) if options.exchanges else list(proxy.exchanges)
        number = write_traffic(exchanges, options.path, mask=not options.no_mask)
        print(f"{number:,} exchanges written to {options.path}")

    @line_only(
        NAME,
        flag(
            "exchanges",
            nargs="?",
            metavar="EXCHANGES",
            help="Numbers of exchanges, such as 3-7 or 1,4 (default: the last exchange).",
        ),
        flag("--save", "-o", metavar="FILE", help="Write the test to this file instead of showing it."),
        flag("--test-name", metavar="NAME", default="", help="Name of the test function."),
        flag("--no-mask", action="store_true", help="Keep credentials, cookies and tokens."),
    )
    def wasmtest(self, line: str) -> Any:
        """Generate a pytest test from exchanges of a filter. The test's upstreams send the recorded responses. Examples::

            %wasmtest auth
            %wasmtest auth 3-7 --save tests/test_auth.py

        The test is run before it is shown. Values that differ between runs, such as ids and dates, are replaced by patterns. The
        same in Python: `wasmnb.testing.write_test(auth, "3-7")`.
        """
        from wasmnb.testing import write_test

        options = parse(self.wasmtest, line)
        proxy = self.proxy(options.name)
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "{:.1f} s"
            progress("Running the test", 0.5)
            code = write_test(proxy, options.exchanges, name=options.test_name, mask=not options.no_mask)
        if options.save is None:
            return PythonCode(code)
        save_text(options.save, code)
        print(f"Saved to {options.save}")
        return None

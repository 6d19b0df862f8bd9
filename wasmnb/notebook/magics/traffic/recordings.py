"""`%wasmreplay` and `%wasmdiff`: recorded traffic through a filter, or through two builds of it."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.traffic.replay.flags import PROCESSES, SPEED, TRAFFIC_FLAGS, executor_of, recording_of

from ...progress import progress_for
from ..arguments import NAME, flag, line_only, parse
from ..base import FilterMagics

__all__ = ["RecordingMagics"]


@magics_class
class RecordingMagics(FilterMagics):
    """Recorded traffic."""

    @line_only(NAME, *TRAFFIC_FLAGS, SPEED, PROCESSES)
    def wasmreplay(self, line: str) -> Any:
        """Send recorded requests through a filter; the recorded responses are its upstream.

        The filter runs in a new proxy with the same settings; the running proxy is not used. Recordings are HAR files of
        browsers, Envoy's tap and JSON access logs, curl commands, raw HTTP/1, and wasmnb's `.jsonl`. Secrets are masked. The
        stop button ends the replay and shows the results so far. Examples::

            %wasmreplay auth day.har
            %wasmreplay auth access.log --field method=verb --processes 2

        The same in Python: `wasmnb.replay(auth, "day.har")`; `wasmnb.write_traffic(auth.exchanges, "day.jsonl")` records.
        """
        from wasmnb.traffic.replay import replay

        options = parse(self.wasmreplay, line)
        proxy, recording = self.proxy(options.name), recording_of(options)
        with progress_for(self.shell, self.style) as progress, executor_of(options) as executor:
            progress.patience, progress.verdict = 1.0, "Replayed in {:.1f} s"
            return replay(
                proxy, recording, speed=options.speed, workers=options.workers, assign=options.assign, executor=executor,
                progress=lambda number: progress(f"{number:,} exchanges", 0.5),
            )  # fmt: skip

    @line_only(
        flag("name", metavar="OLD", help="Name of the first filter."),
        flag("new", metavar="NEW", help="Name of the second filter."),
        *TRAFFIC_FLAGS,
    )
    def wasmdiff(self, line: str) -> Any:
        """Compare two builds of a filter on recorded traffic, and group what differs.

        Compared are responses, upstream requests, log lines, metrics and callouts, with an example for each group; times
        inside both filters are compared as well. Example::

            %wasmdiff auth_v1 auth_v2 --traffic day.har

        The same in Python: `wasmnb.diff(auth_v1, auth_v2, "day.har")`.
        """
        from wasmnb.traffic.compare import diff

        options = parse(self.wasmdiff, line)
        old, new, recording = self.proxy(options.name), self.proxy(options.new), recording_of(options)
        with progress_for(self.shell, self.style) as progress:
            progress.patience, progress.verdict = 1.0, "Compared in {:.1f} s"
            return diff(
                old, new, recording, workers=options.workers or 1, assign=options.assign,
                progress=lambda number: progress(f"{number:,} exchanges", 0.5),
            )  # fmt: skip

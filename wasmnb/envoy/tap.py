"""Recording of traffic with Envoy's own tap filters, which are placed before and after all other filters.

In Envoy 1.40, each tap filter writes a file for every stream (`file_per_tap`). The file's name is `PREFIX_ID` with a suffix for
the format. ID is the stream's id, which is the same in all files of a stream. A buffered trace contains the headers at the end
of the stream, with the changes of all filters. A streamed trace contains the headers as they passed the tap, but no times.
Bodies larger than `max_buffered_*_bytes` are truncated and marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UsageError
from ..traffic.recorded import RecordedExchange, read_traffic, write_traffic
from ..traffic.recorded.writers import recording_path

__all__ = ["TapRecording"]

#: Number of plugins before a filter, and configuration of the filter.
Placed = tuple[int, dict[str, Any]]

#: Maximum number of recorded bytes of a body.
_BODY = 16 << 20

#: Prefixes of the files written by the taps before and after the other filters, and of the files with times and connections.
_CLIENT, _UPSTREAM, _TIMES = "client", "upstream", "times"

#: Suffixes of streamed and buffered traces.
_STREAMED, _BUFFERED = ".pb_length_delimited", ".pb"


class TapFilters(NamedTuple):
    """The tap filters of a chain: each with the number of plugins before it, and its configuration.

    Attributes
    ----------
    before, after
        Filters before the chain's other filters, and after them.
    """

    before: list[Placed]
    after: list[Placed]


class TapRecording:
    """A recording of all traffic of one Envoy.

    Parameters
    ----------
    path
        A `.jsonl` or `.har` file, which is written when the recording is closed. A path without a suffix is a folder for the
        tap filters' own files, which are written while Envoy runs.
    mask
        Whether secrets in the file are replaced with `***` (default True). Files in a folder aren't masked.

    Attributes
    ----------
    path
        Path of the file or folder.
    count
        Number of exchanges in the file.

    Raises
    ------
    UsageError
        The path has an unsupported suffix.
    """

    def __init__(self, path: Any, *, mask: bool = True) -> None:
        self.path = recording_path(path, folder=True).absolute()
        self.count = 0
        self._mask = mask
        self._folder: Path | None = None
        self._is_folder = not self.path.suffix

    def filters(self, scratch: Path, plugins: int) -> TapFilters:
        """Return the tap filters to add to a chain.

        Parameters
        ----------
        scratch
            Temporary folder of the Envoy process.
        plugins
            Number of plugins in the chain.

        Raises
        ------
        UsageError
            The folder for the recording can't be created.
        """
        self._folder = self.path if self._is_folder else scratch / "taps"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(
                f"The folder {str(self._folder)!r} can't be created: {reason}. Pass another folder as record=."
            ) from None
        first = (0, _tap(self._folder / _CLIENT))
        if self._is_folder:
            return TapFilters([first], [])
        times = (0, _tap(self._folder / _TIMES, streamed=False))
        return TapFilters([first, times], [(plugins, _tap(self._folder / _UPSTREAM))])

    def close(self) -> None:
        """Write the file. Call this method after Envoy has ended, but before Envoy's folder is removed."""
        if self._folder is None or self._is_folder:
            return
        merged = sorted(self._merged(self._folder), key=lambda recorded: recorded.started or 0.0)
        self.count = write_traffic(merged, self.path, mask=self._mask)

    def _merged(self, folder: Path) -> Iterator[RecordedExchange]:
        """Yield the clients' requests with the upstreams' responses. If the upstream sent none, the client's
        response is used.
        """
        for path in sorted(folder.glob(f"{_CLIENT}_*{_STREAMED}")):
            number = path.name.removeprefix(_CLIENT).removesuffix(_STREAMED)
            client, behind, times = (
                next(iter(read_traffic(file, mask=False)), None) if file.exists() else None
                for file in (path, folder / f"{_UPSTREAM}{number}{_STREAMED}", folder / f"{_TIMES}{number}{_BUFFERED}")
            )
            if client is None:
                continue
            if behind is not None and behind.response is not None:
                client = replace(client, response=behind.response)
            if times is not None:
                client = replace(
                    client, started=times.started, duration=times.duration, connection=times.connection, position=""
                )
            yield client


def _tap(prefix: Path, *, streamed: bool = True) -> dict[str, Any]:
    sink = {
        "format": "PROTO_BINARY_LENGTH_DELIMITED" if streamed else "PROTO_BINARY",
        "file_per_tap": {"path_prefix": str(prefix)},
    }
    limit = _BODY if streamed else 1
    output = {"sinks": [sink], "streaming": streamed, "max_buffered_rx_bytes": limit, "max_buffered_tx_bytes": limit}
    times = {"record_headers_received_time": True, "record_downstream_connection": True}
    return {
        "name": "envoy.filters.http.tap",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap",
            "common_config": {"static_config": {"match": {"any_match": True}, "output_config": output}},
            **({} if streamed else times),
        },
    }

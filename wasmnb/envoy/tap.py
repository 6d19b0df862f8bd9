"""Recording by Envoy's own tap filter: before all other filters and behind them, and a file of each for every stream.

Facts (Envoy 1.40): `file_per_tap` writes `PREFIX_ID` with a suffix for the format. ID is the stream's, so that all files of a
stream have the same one. A buffered trace has the headers as they are at the end of the stream, with the changes of all filters;
a streamed one has them as they passed the tap, but no times. Bodies beyond `max_buffered_*_bytes` are cut and marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..traffic.recorded import RecordedExchange, read_traffic, write_traffic
from ..traffic.recorded.writers import recording_path

__all__ = ["TapRecording"]

#: A filter's configuration, after the number of plugins before it.
Placed = tuple[int, dict[str, Any]]

#: Bytes of a body that are recorded.
_BODY = 16 << 20

#: Prefix of the files before and behind the other filters, and of those with times and connections.
_CLIENT, _UPSTREAM, _TIMES = "client", "upstream", "times"

#: Suffixes of streamed and buffered traces.
_STREAMED, _BUFFERED = ".pb_length_delimited", ".pb"


class TapRecording:
    """The recording of an Envoy.

    Parameters
    ----------
    path
        A `.jsonl` or `.har` file, which is written at the end; or a folder that the tap's own files go to while Envoy runs.
    mask
        Replace secrets by `***` in a file.

    Attributes
    ----------
    path
        The file or folder.
    count
        Exchanges that were written.

    Raises
    ------
    UsageError
        The path has another suffix, or the folder can't be created.
    """

    def __init__(self, path: Any, *, mask: bool = True) -> None:
        self.path = recording_path(path, folder=True).absolute()
        self.count = 0
        self._mask = mask
        self._folder: Path | None = None
        self._is_folder = not self.path.suffix

    def filters(self, scratch: Path, plugins: int) -> tuple[list[Placed], list[Placed]]:
        """Return the tap filters before and behind Envoy's own filters, each with the number of plugins before it.

        Parameters
        ----------
        scratch
            Envoy's own folder.
        plugins
            Number of plugins.
        """
        self._folder = self.path if self._is_folder else scratch / "taps"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The folder {str(self._folder)!r} can't be used: {error.strerror or error}.") from None
        first = (0, _tap(self._folder / _CLIENT))
        if self._is_folder:
            return [first], []
        times = (0, _tap(self._folder / _TIMES, streamed=False))
        return [first, times], [(plugins, _tap(self._folder / _UPSTREAM))]

    def close(self) -> None:
        """Write the file. Envoy has ended, and its folder is still there."""
        if self._folder is None or self._is_folder:
            return
        merged = sorted(self._merged(self._folder), key=lambda recorded: recorded.started or 0.0)
        self.count = write_traffic(merged, self.path, mask=self._mask)

    def _merged(self, folder: Path) -> Iterator[RecordedExchange]:
        """Iterate over the clients' requests with the upstreams' responses; without one, with what the client received."""
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

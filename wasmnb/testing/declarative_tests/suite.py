"""Messages of the test suites of Google's Service Extensions, as defined in `plugins/test/runner.proto`.

All versions of the format are supported. In older versions, `env` is named `runtime`. Expectations of headers can be next to
`body`, in the message `headers`, or inside `immediate`, and `Expectation` joins them.
"""

# ruff: noqa: RUF009 -- `once` and `many` make dataclass fields
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .errors import FixtureError, SourceLocation
from .readers.nodes import MessageNode
from .readers.schema import fill, many, once
from .readers.textproto import read_textproto
from .readers.yaml_json import read_json, read_yaml

__all__ = ["Case", "Env", "Expectation", "Header", "Input", "Invocation", "Matcher", "Suite", "read_suite"]

_LEVELS = {"UNDEFINED": 0, "TRACE": 1, "DEBUG": 2, "INFO": 3, "WARN": 4, "ERROR": 5, "CRITICAL": 6}
_NOWHERE = SourceLocation("")


@dataclass
class Header:
    """Name and value of a header."""

    key: str = once("string", default="")
    value: bytes = once("bytes", default=b"")
    place: SourceLocation = _NOWHERE


@dataclass
class Property:
    """A property of the stream, with its path (joined with dots) and its value."""

    path: str = once("string", default="")
    value: bytes = once("bytes", default=b"")
    place: SourceLocation = _NOWHERE


@dataclass
class Matcher:
    """A `StringMatcher`: an exact text, a regular expression for the whole text, or the contents of a file.

    With `invert`, no text may match.
    """

    invert: bool = once("bool", default=False)
    exact: bytes | None = once("bytes", oneof="matcher")
    regex: str | None = once("string", oneof="matcher")
    file: str | None = once("string", oneof="matcher")
    place: SourceLocation = _NOWHERE


@dataclass
class HeaderExpectations(Matcher):
    """Value of the field `headers`: a matcher for `name: value` lines or, in later versions, a message of expectations."""

    has_header: list[Header] = many(Header)
    no_header: list[Header] = many(Header)
    headers_serialized: list[Matcher] = many(Matcher)


@dataclass
class Immediate:
    """Expectation that the plugin sends an immediate (local) response."""

    http_status: int | None = once("uint32")
    grpc_status: int | None = once("uint32")
    details: str | None = once("string")
    body: list[Matcher] = many(Matcher)
    headers: list[HeaderExpectations] = many(HeaderExpectations)
    has_header: list[Header] = many(Header)
    no_header: list[Header] = many(Header)
    place: SourceLocation = _NOWHERE


@dataclass
class Input:
    """Input of a phase, as single headers, as serialised content, or as a file with serialised content."""

    header: list[Header] = many(Header)
    content: bytes = once("bytes", default=b"")
    file: str = once("string", default="")
    place: SourceLocation = _NOWHERE


@dataclass
class Expectation:
    """Expected result of a phase."""

    has_header: list[Header] = many(Header)
    no_header: list[Header] = many(Header)
    headers: list[HeaderExpectations] = many(HeaderExpectations)
    body: list[Matcher] = many(Matcher)
    immediate: Immediate | None = once(Immediate)
    log: list[Matcher] = many(Matcher)
    place: SourceLocation = _NOWHERE

    @property
    def _holders(self) -> list[Any]:
        holders: list[Any] = [self, *self.headers]
        return holders + ([self.immediate, *self.immediate.headers] if self.immediate is not None else [])

    def all_has_header(self) -> Iterator[Header]:
        """Yield the required headers from all parts of the expectation."""
        return (h for holder in self._holders for h in holder.has_header)

    def all_no_header(self) -> Iterator[Header]:
        """Yield the forbidden headers from all parts of the expectation."""
        return (h for holder in self._holders for h in holder.no_header)

    def all_lines(self) -> Iterator[Matcher]:
        """Yield the matchers for `name: value` lines from all parts of the expectation."""
        outer = [*self.headers, *(self.immediate.headers if self.immediate is not None else [])]
        for matcher in outer:
            if not (matcher.has_header or matcher.no_header or matcher.headers_serialized):
                yield matcher
            yield from matcher.headers_serialized

    def all_body(self) -> Iterator[Matcher]:
        """Yield the matchers for the body from all parts of the expectation."""
        yield from self.body
        yield from self.immediate.body if self.immediate is not None else ()


@dataclass
class Invocation:
    """Input and expected result of one call of a callback."""

    input: Input | None = once(Input)
    result: Expectation | None = once(Expectation)
    place: SourceLocation = _NOWHERE


@dataclass
class Case:
    """A test, which consists of the phases of one stream."""

    name: str = once("string", default="")
    benchmark: bool = once("bool", default=False)
    num_chunks: int | None = once("int32", oneof="body_chunking_plan", least=1)
    chunk_size: int | None = once("int64", oneof="body_chunking_plan", least=1)
    properties: list[Property] = many(Property)
    request_headers: Invocation | None = once(Invocation)
    request_body: list[Invocation] = many(Invocation)
    response_headers: Invocation | None = once(Invocation)
    response_body: list[Invocation] = many(Invocation)
    plugin_init: Expectation | None = once(Expectation)
    stream_init: Expectation | None = once(Expectation)
    stream_destroy: Expectation | None = once(Expectation)
    place: SourceLocation = _NOWHERE

    def __post_init__(self) -> None:
        chunked = self.num_chunks is not None or self.chunk_size is not None
        for name in ("request_body", "response_body"):
            if chunked and len(getattr(self, name)) > 1:
                second = getattr(self, name)[1].place
                raise FixtureError(
                    "a test with num_chunks or chunk_size can have only one body. Remove this second body, or the chunking.",
                    second,
                )


@dataclass
class Env:
    """Environment of a suite: module, configuration, log level and clock. `min_log_level` is an older name of `log_level`."""

    test_path: str = once("string", default="")
    wasm_path: str = once("string", default="")
    config_path: str = once("string", default="")
    log_level: int = once(_LEVELS, default=0)
    min_log_level: int = once(_LEVELS, default=0)
    log_path: str = once("string", default="")
    time_secs: int | None = once("uint64")
    num_additional_streams: int | None = once("uint64")
    additional_stream_advance_rate: int | None = once("uint64")
    place: SourceLocation = _NOWHERE

    @property
    def level(self) -> int:
        """Lowest log level, as a number of the ABI. The default is INFO."""
        return (self.log_level or self.min_log_level or _LEVELS["INFO"]) - 1


@dataclass
class Suite:
    """A test file. In older versions of the format, `env` is named `runtime`."""

    env: Env | None = once(Env, oneof="environment")
    runtime: Env | None = once(Env, oneof="environment")
    test: list[Case] = many(Case)
    place: SourceLocation = _NOWHERE

    @property
    def environment(self) -> Env:
        """The environment from `env` or `runtime`, or the default environment."""
        return self.env or self.runtime or Env()


_READERS = {".yaml": read_yaml, ".yml": read_yaml, ".json": read_json}


def read_suite(path: Path) -> Suite:
    """Read a test suite from a file.

    Parameters
    ----------
    path
        Path of the file. Its suffix determines the format: YAML (`.yaml`, `.yml`), JSON (`.json`), or text format (all others).

    Returns
    -------
    Suite
        The suite.

    Raises
    ------
    FixtureError
        The file is malformed. The message contains the file, the line and the field.
    UsageError
        The file can't be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The test file {path} can't be read: {error.strerror}. Check the path.") from error
    reader = _READERS.get(path.suffix.lower())
    node = reader(data, str(path)) if reader is not None else read_textproto(data, str(path))
    if not isinstance(node, MessageNode):
        raise FixtureError("a suite must be a message with `test` fields.", SourceLocation(str(path), 1))
    return fill(Suite, node, SourceLocation(str(path), 1), lenient=reader is not None)

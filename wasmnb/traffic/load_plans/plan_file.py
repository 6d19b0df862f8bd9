"""Read load plans from YAML or JSON. The keys are the fields of the dataclasses, with short forms for paths and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ...errors import UsageError
from ...messages import Text, to_bytes
from ...parsing.yaml_lines import Located, YamlError, line_of, parse_yaml
from .plan import LoadPhase, LoadPlan, LoadRequest, LoadSession, LoadStop

__all__ = ["parse_plan", "read_plan"]

T = TypeVar("T")


def read_plan(path: str | PathLike[str]) -> LoadPlan:
    """Read a load plan from a file.

    Parameters
    ----------
    path
        A YAML or JSON file with the contents that `parse_plan` describes.

    Raises
    ------
    UsageError
        The file can't be read, or doesn't contain a valid plan.
    """
    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The load plan {str(path)!r} can't be read: {error.strerror or error}.") from None
    return parse_plan(data, path.name)


def parse_plan(text: Text, name: str = "the load plan") -> LoadPlan:
    """Parse a load plan in YAML.

    Parameters
    ----------
    text
        An object with the fields of `LoadPlan`. An entry of `mix` is a path or an object with the fields of `LoadRequest`, or
        of `LoadSession` if it contains `requests`. A phase with a list of rates or users is a series of phases of equal length.
    name
        Name of the plan's source in error messages (default `the load plan`).

    Raises
    ------
    UsageError
        The text is not YAML, or contains an unknown key or an invalid value. The message contains the line.
    """
    try:
        content = parse_yaml(to_bytes(text))
    except YamlError as error:
        raise UsageError(
            f"{_position(name, error.line)}: the plan is not valid YAML ({error}). Correct the syntax."
        ) from None
    try:
        with _located(content):
            return _plan(_known(content, LoadPlan, "a plan"))
    except _PlanProblem as error:
        raise UsageError(f"{_position(name, error.line)}: {error}") from None


class _PlanProblem(Exception):
    """A part of a plan has an invalid value. `line` is the line on which the part begins, or 0 if unknown."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def _position(name: str, line: int) -> str:
    return f"{name}, line {line}" if line else name


@contextmanager
def _located(part: Any, line: int = 0) -> Iterator[None]:
    """Add the line of a part of the plan to errors that occur in the `with` block.

    `line` is used for parts that aren't mappings, because their own line is unknown.
    """
    try:
        yield
    except UsageError as error:
        raise _PlanProblem(str(error), line_of(part) or line) from None
    except (TypeError, ValueError) as error:
        raise _PlanProblem(f"a value has the wrong type ({error}).", line_of(part) or line) from None


def _plan(record: dict[str, Any]) -> LoadPlan:
    plan: dict[str, Any] = {key: _tuple(value) for key, value in record.items()}
    for key, convert in (("mix", _entry), ("phases", _phase)):
        entries = record.get(key, [])
        if not isinstance(entries, list):
            raise UsageError(f"{key} must be a list. Write each entry on its own line after a dash.")
        if key in record:
            line = line_of(record, key)
            plan[key] = tuple(_convert(convert, entry, line) for entry in entries)
    if "stop" in plan:
        with _located(record["stop"], line_of(record, "stop")):
            plan["stop"] = LoadStop(**_known(record["stop"], LoadStop, "stop", without=("when",)))
    return LoadPlan(**plan)


def _convert(convert: Callable[[Any], T], entry: Any, line: int) -> T:
    """Return an entry of a list that begins on this line."""
    with _located(entry, line):
        return convert(entry)


def _entry(entry: Any) -> LoadRequest | LoadSession:
    if isinstance(entry, str):
        return _from_line(entry)
    if isinstance(entry, Mapping) and "requests" in entry:
        record = _known(entry, LoadSession, "a session")
        line = line_of(record, "requests")
        requests = tuple(_convert(_request, each, line) for each in record.pop("requests") or ())
        return LoadSession(requests, **{key: _tuple(value) for key, value in record.items()})
    return _request(entry)


def _request(entry: Any) -> LoadRequest:
    if isinstance(entry, str):
        return _from_line(entry)
    record = {key: _tuple(value) for key, value in _known(entry, LoadRequest, "a request").items()}
    headers = record.get("headers", {})
    if not isinstance(headers, Mapping):
        raise UsageError("headers of a request must be an object, for example {x-user: ann}.")
    if headers:  # without headers, the default of the class is used
        record["headers"] = tuple((str(name), str(value)) for name, value in headers.items())
    return LoadRequest(**record)


def _from_line(line: str) -> LoadRequest:
    """Return the request for a line `/path` or `METHOD /path`."""
    method, space, path = line.strip().partition(" ")
    return LoadRequest(path.strip(), method) if space else LoadRequest(line.strip())


def _phase(entry: Any) -> LoadPhase | tuple[LoadPhase, ...]:
    record = _known(entry, LoadPhase, "a phase")
    if "seconds" not in record:
        raise UsageError("A phase has no key 'seconds'. Add its duration in virtual seconds.")
    for key in ("rate", "users"):
        if isinstance(record.get(key), list):
            return LoadPhase.steps(record[key], record["seconds"], closed=key == "users")
    return LoadPhase(**record)


def _known(value: Any, kind: Any, noun: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an object of the plan as a dictionary, after checking that its keys are fields of the class `kind`.

    Parameters
    ----------
    value
        The object.
    kind
        Dataclass with the allowed fields.
    noun
        Name of the object in error messages.
    without
        Fields that are not allowed (default none).
    """
    if not isinstance(value, Mapping):
        raise UsageError(f"{noun} must be an object with keys and values, not {type(value).__name__}.")
    names = [each.name for each in fields(kind) if each.name not in without]
    unknown = [str(key) for key in value if key not in names]
    if unknown:
        problem = f"The key {unknown[0]!r} of {noun} is unknown. Use one of {', '.join(names)}."
        raise _PlanProblem(problem, line_of(value, unknown[0]))
    return Located.like(value, value)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

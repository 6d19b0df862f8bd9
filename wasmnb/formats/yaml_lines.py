"""YAML, and so JSON, with line numbers, so that an error can point into the user's file.

`compose` returns PyYAML's nodes, which hold marks and run no constructors; `read_yaml` returns plain dicts with lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError

__all__ = ["Located", "YamlError", "compose", "line_of", "read_yaml"]


class YamlError(ValueError):
    """The text is not YAML.

    Attributes
    ----------
    line, column
        Where, from 1; 0 if the position is not known.
    """

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


class Located(dict[str, Any]):
    """A mapping with the line, from 1, that it begins on; `lines` has that of each key."""

    line: int = 0
    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, building `Located` mappings."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Located:
    located = Located({str(k): v for k, v in loader.construct_mapping(node, deep=True).items()})
    located.line = node.start_mark.line + 1
    located.lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return located


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def compose(data: bytes) -> yaml.Node | None:
    """Parse one document into nodes with marks.

    Parameters
    ----------
    data
        UTF-8 text.

    Returns
    -------
    yaml.Node | None
        The root, or None for an empty document.

    Raises
    ------
    YamlError
        The text is not UTF-8 or not one YAML document.
    """
    try:
        return yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise YamlError(f"not UTF-8 text: {error.reason} at byte {error.start}") from None
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or str(error) or "nested too deep"
        mark = getattr(error, "problem_mark", None)
        raise YamlError(problem, *((mark.line + 1, mark.column + 1) if mark else ())) from error


def read_yaml(path: Path) -> Located:
    """Read the top-level mapping of an Envoy configuration.

    Raises
    ------
    UsageError
        The file is missing, or is not YAML with a mapping at the top; the message has the line.
    """
    try:
        node = compose(path.read_bytes())
        content = None if node is None else _Loader("").construct_document(node)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except YamlError as error:
        where = f", line {error.line}, column {error.column}" if error.line else ""
        raise UsageError(f"{path}{where}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path}{where}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(content, Located):
        raise UsageError(f"{path} does not hold a mapping. An Envoy configuration begins with `static_resources:`.")
    return content


def line_of(holder: Any, key: str = "") -> int:
    """Return the line of a mapping, or of one of its keys; 0 if it is not known."""
    if not isinstance(holder, Located):
        return 0
    return holder.lines.get(key, holder.line) if key else holder.line

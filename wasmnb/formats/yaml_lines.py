"""YAML (and so JSON) into plain dicts that know their line, so that a message can point into the user's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError

__all__ = ["Located", "line_of", "read_yaml"]


class Located(dict[str, Any]):
    """A mapping with the line, from 1, that it begins on; `lines` has that of each key."""

    line: int = 0
    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, building `Located` mappings."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Located:
    found = Located({str(k): v for k, v in loader.construct_mapping(node, deep=True).items()})
    found.line = node.start_mark.line + 1
    found.lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Located:
    """The file's top-level mapping.

    Raises
    ------
    UsageError
        The file is missing, no YAML or no mapping; the message has the line.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 -- derived from SafeLoader
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path}{where}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(found, Located):
        raise UsageError(f"{path} holds no mapping; an Envoy configuration begins with `static_resources:`.")
    return found


def line_of(holder: Any, key: str = "") -> int:
    """Line of a mapping, or of one of its keys; 0 if it is not known."""
    if not isinstance(holder, Located):
        return 0
    return holder.lines.get(key, holder.line) if key else holder.line

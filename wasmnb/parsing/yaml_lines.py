"""YAML (and therefore JSON) with line numbers, so that an error can point to a line of the user's file.

`compose` returns PyYAML's nodes, which have positions, and runs no constructors. `parse_yaml` and `read_yaml` return plain
dicts with lines.

PyYAML's own scanner takes four fifths of the time in which a configuration is read. libyaml's scanner, which is part of most
builds of PyYAML, is nine times faster, but words its errors differently. Nodes are always composed in Python, because libyaml's
own composer doesn't limit its recursion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from .._display import short
from ..errors import UsageError

__all__ = ["Located", "YamlError", "compose", "line_of", "parse_yaml", "read_yaml"]


#: Maximum number of values in a document with its aliases expanded. The largest configurations have about 100,000.
_VALUES = 2_000_000


class YamlError(ValueError):
    """Error for a text that isn't valid YAML.

    Attributes
    ----------
    line, column
        Position of the problem, counted from 1, or 0 if unknown.
    """

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


class Located(dict[str, Any]):
    """A mapping with the line where it begins (`line`) and the line of each key (`lines`), counted from 1."""

    line: int = 0
    lines: dict[str, int]

    @classmethod
    def at(cls, line: int, lines: dict[str, int], content: Mapping[str, Any]) -> Self:
        """Create a mapping with this content, its line, and the lines of its keys."""
        located = cls(content)
        located.line, located.lines = line, lines
        return located

    @classmethod
    def like(cls, origin: Mapping[str, Any], content: Mapping[str, Any]) -> Self:
        """Create a mapping with this content and the lines of `origin`, if they are known."""
        return cls.at(getattr(origin, "line", 0), getattr(origin, "lines", {}), content)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with `Located` mappings."""


def _fast_loader() -> Any:
    """Return a loader with libyaml's scanner, or None if this build of PyYAML doesn't include libyaml."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class FastLoader(Composer, CParser, Resolver):  # type: ignore[misc, unused-ignore]
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    return FastLoader


#: Loader to try first, or None. If it fails, PyYAML's own loader reads the text again and reports the error.
_FAST = _fast_loader()


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Located:
    content = {str(k): v for k, v in loader.construct_mapping(node, deep=True).items()}
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return Located.at(node.start_mark.line + 1, lines, content)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def compose(data: bytes) -> yaml.Node | None:
    """Parse one document into nodes with positions.

    Parameters
    ----------
    data
        The document as UTF-8 text.

    Returns
    -------
    yaml.Node | None
        The root node, or None for an empty document.

    Raises
    ------
    YamlError
        The text isn't valid UTF-8, or isn't a single YAML document.
    """
    try:
        node = _compose(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise YamlError(f"the text isn't valid UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise YamlError("nested too deeply") from None
    except yaml.YAMLError as error:
        raise _yaml_error(error) from error
    if node is not None:
        _check_size(node)
    return node


def _compose(text: str) -> yaml.Node | None:
    if _FAST is not None:
        with suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=_FAST)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def parse_yaml(data: bytes) -> Any:
    """Parse one document into values with `Located` mappings. Returns None for an empty document.

    Parameters
    ----------
    data
        The document as UTF-8 text.

    Raises
    ------
    YamlError
        The text isn't valid UTF-8, isn't a single YAML document, or contains a scalar that can't be converted.
    """
    node = compose(data)
    try:
        return None if node is None else _construct(node)
    except yaml.YAMLError as error:
        raise _yaml_error(error) from error


def _yaml_error(error: yaml.YAMLError) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    return YamlError(getattr(error, "problem", None) or str(error), *((mark.line + 1, mark.column + 1) if mark else ()))


def read_yaml(path: Path) -> Located:
    """Read the top-level mapping of an Envoy configuration.

    Raises
    ------
    UsageError
        The file is missing, or isn't YAML with a mapping at the top level. The message contains the line.
    """
    try:
        content = parse_yaml(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}.") from None
    except YamlError as error:
        where = f", line {error.line}, column {error.column}" if error.line else ""
        raise UsageError(f"{path}{where}: {error}") from None
    if not isinstance(content, Located):
        raise UsageError(f"{path} doesn't contain a mapping. An Envoy configuration begins with `static_resources:`.")
    return content


def _construct(node: yaml.Node) -> Any:
    """Convert a document's nodes to values. Raises `YamlError` for a scalar that can't be converted, such as `2001-99-99`."""
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except RecursionError:
        raise YamlError("nested too deeply") from None
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError) as error:  # all from PyYAML
        place = next(iter(_invalid(node)), node)
        problem = f"{short(str(place.value))!r} isn't a valid {place.tag.rpartition(':')[2]}"
        raise YamlError(problem, *_position(place)) from error


def _invalid(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the scalars that can't be converted to a value."""
    waiting, seen = [node], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            try:
                _Loader("").construct_object(node)
            except Exception:  # noqa: BLE001 -- PyYAML raises many kinds of exceptions
                yield node
        else:
            waiting += _children(node)[::-1]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _check_size(root: yaml.Node) -> None:
    """Raise `YamlError` for aliases that contain themselves, or that expand to more values than fit into memory."""
    sizes: dict[int, int] = {}
    waiting: list[tuple[yaml.Node, bool]] = [(root, False)]
    open_: set[int] = set()
    while waiting:
        node, is_counted = waiting.pop()
        children = _children(node)
        if is_counted:
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
        elif id(node) in open_:
            raise YamlError("an alias refers to a value that contains it", *_position(node))
        elif id(node) not in sizes:
            open_.add(id(node))
            waiting.append((node, True))
            waiting += [(child, False) for child in children]
    if sizes[id(root)] > _VALUES:
        raise YamlError(f"the document has more than {_VALUES:,} values after its aliases are expanded")


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def line_of(holder: Any, key: str = "") -> int:
    """Return the line of a mapping or of one of its keys, or 0 if the line isn't known."""
    if not isinstance(holder, Located):
        return 0
    return holder.lines.get(key, holder.line) if key else holder.line

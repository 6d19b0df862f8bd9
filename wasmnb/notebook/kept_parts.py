"""Parts of filters: cells that were put aside until the filter's own cell comes, and what builds a filter again."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from wasmnb.compiler.source.filter_source import Part

__all__ = ["KeptPart", "PartList", "PartStore"]


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part, and what tells it from others: its cell, or else the names that it defines."""

    part: Part
    cell: str | None

    @property
    def names(self) -> list[str]:
        """Functions, classes and variables that it defines at its top level."""
        try:
            body = ast.parse(self.part.text).body
        except (SyntaxError, ValueError):
            return []
        return [name for node in body for name in _defined(node)]

    def replaces(self, other: KeptPart) -> bool:
        """Whether this is the other one, run again."""
        if self.cell is not None or other.cell is not None:
            return self.cell == other.cell
        return not self.names or not other.names or not set(self.names).isdisjoint(other.names)


def _defined(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


class PartList(list[KeptPart]):
    """The parts of one filter, in the order in which they run."""

    def __init__(self, name: str, parts: Iterable[KeptPart], news: str = "") -> None:
        super().__init__(parts)
        self.name = name
        self.news = news

    def __repr__(self) -> str:
        if not self:
            return f"{self.name} has no parts.{self.news}"
        lines = [f"{self.name} has {len(self)} part{'s' * (len(self) > 1)} beside its own cell.{self.news}"]
        for number, kept in enumerate(self, 1):
            text, filename, _ = kept.part
            names = f": {', '.join(kept.names)}" if kept.names else ""
            count = len(text.splitlines())
            lines.append(f"  {number}  {filename}, {count} line{'s' * (count != 1)}{names}")
        return "\n".join(lines)


class PartStore:
    """What the cells of a notebook have put aside."""

    def __init__(self) -> None:
        self._parts: dict[str, list[KeptPart]] = {}
        self._built: dict[str, tuple[Any, partial[Any]]] = {}

    def parts(self, name: str) -> list[KeptPart]:
        """The parts of a filter."""
        return list(self._parts.get(name, ()))

    def put(self, name: str, kept: KeptPart) -> None:
        """Add a part; in the place of the one that it replaces, if it was there before."""
        parts = self._parts.setdefault(name, [])
        for i, other in enumerate(parts):
            if kept.replaces(other):
                parts[i] = kept
                return
        parts.append(kept)

    def clear(self, name: str) -> None:
        """Forget the parts of a filter."""
        self._parts.pop(name, None)

    def built(self, name: str, proxy: Any, again: partial[Any]) -> None:
        """A filter was built from its cell; `again`, with the cell's flags and parts as its arguments, does it once more."""
        self._built[name] = (proxy, again)

    def rebuild(self, name: str, running: Any) -> bool:
        """Build a filter again, if what runs under its name is what its cell has built; whether it was."""
        proxy, again = self._built.get(name, (None, None))
        if again is None or proxy is not running:
            return False
        again()
        return True

    def once_more(self, options: Namespace, running: Any) -> Callable[[], Any] | None:
        """What builds a running filter again, as its cell did but for the flags that `options` has; None if no cell did."""
        proxy, again = self._built.get(options.name, (None, None))
        if again is None or proxy is not running:
            return None
        earlier, own = again.args
        given = {
            flag: value
            for flag, value in vars(options).items()
            if value is not None and value is not False and value != []
        }
        merged = Namespace(**{**vars(earlier), **given})
        merged.again = partial(again.func, merged, own)
        return merged.again  # type: ignore[no-any-return]

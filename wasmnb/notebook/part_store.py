"""Store the cells of `%%wasmpart`, which are parts of filters, and rebuild a filter when one of its parts changes."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from wasmnb.compiler.dependencies.filter_source import Part

__all__ = ["PartList", "PartStore", "StoredPart"]


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A stored part of a filter, identified by its cell or, if the cell is unknown, by the names that it defines."""

    part: Part
    cell: str | None

    @property
    def names(self) -> list[str]:
        """Names of the functions, classes and variables that the part defines at module level."""
        try:
            body = ast.parse(self.part.text).body
        except (SyntaxError, ValueError):
            return []
        return [name for node in body for name in _defined_names(node)]

    def replaces(self, other: StoredPart) -> bool:
        """Return whether this part is a new version of `other`."""
        if self.cell is not None or other.cell is not None:
            return self.cell == other.cell
        return not self.names or not other.names or not set(self.names).isdisjoint(other.names)


def _defined_names(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


class PartList(list[StoredPart]):
    """The parts of one filter, in the order in which they run.

    Parameters
    ----------
    name
        Name of the filter.
    parts
        Parts of the filter, in order.
    news
        A sentence about the last change, appended to the first line of the repr (default empty).
    """

    def __init__(self, name: str, parts: Iterable[StoredPart], news: str = "") -> None:
        super().__init__(parts)
        self.name = name
        self.news = news

    def __repr__(self) -> str:
        if not self:
            return f"{self.name} has no parts.{self.news}"
        lines = [f"{self.name} has {len(self)} part{'s' * (len(self) > 1)} besides its own cell.{self.news}"]
        for number, stored in enumerate(self, 1):
            text, filename, _ = stored.part
            names = f": {', '.join(stored.names)}" if stored.names else ""
            count = len(text.splitlines())
            lines.append(f"  {number}  {filename}, {count} line{'s' * (count != 1)}{names}")
        return "\n".join(lines)


class PartStore:
    """The stored parts of a notebook's filters, and for each running filter a function that builds it again."""

    def __init__(self) -> None:
        self._parts: dict[str, list[StoredPart]] = {}
        self._builds: dict[str, tuple[Any, partial[Any]]] = {}

    def parts(self, name: str) -> list[StoredPart]:
        """Return the parts of the filter with this name, in order."""
        return list(self._parts.get(name, ()))

    def put(self, name: str, stored: StoredPart) -> None:
        """Add a part to the filter with this name, or replace the part's earlier version."""
        parts = self._parts.setdefault(name, [])
        for i, other in enumerate(parts):
            if stored.replaces(other):
                parts[i] = stored
                return
        parts.append(stored)

    def clear(self, name: str) -> None:
        """Remove all parts of the filter with this name."""
        self._parts.pop(name, None)

    def record_build(self, name: str, proxy: Any, build: partial[Any]) -> None:
        """Store the function that builds a running filter again.

        Parameters
        ----------
        name
            Name of the filter.
        proxy
            The running proxy.
        build
            Function that builds the filter again. Its arguments are the flags of the filter's cell and the part in that cell.
        """
        self._builds[name] = (proxy, build)

    def record_failure(self, name: str, running: Any, build: partial[Any]) -> None:
        """Store the function that repeats a failed build, because changed flags or parts may fix the build.

        Ignored if a filter with this name is running.

        Parameters
        ----------
        name
            Name of the filter.
        running
            Value of the variable with the filter's name, or None if it isn't defined.
        build
            Function that builds the filter again, as for `record_build`.
        """
        if running is None:
            self._builds[name] = (None, build)

    def rebuild(self, name: str, running: Any) -> bool:
        """Build a filter again if `running` is the proxy that its cell started. Returns whether the filter was built."""
        proxy, build = self._builds.get(name, (None, None))
        if build is None or proxy is not running:
            return False
        build()
        return True

    def build_with(self, options: Namespace, running: Any) -> Callable[[], Any] | None:
        """Return a function that rebuilds a running filter with changed flags, or None if no cell has built the filter.

        Parameters
        ----------
        options
            The changed flags. The cell's other flags are kept.
        running
            Value of the variable with the filter's name.
        """
        proxy, build = self._builds.get(options.name, (None, None))
        if build is None or proxy is not running:
            return None
        earlier, own = build.args
        changes = {
            flag: value
            for flag, value in vars(options).items()
            if value is not None and value is not False and value != []
        }
        merged = Namespace(**{**vars(earlier), **changes})
        merged.build = partial(build.func, merged, own)
        return merged.build  # type: ignore[no-any-return]

# ruff: noqa: INP001 -- a script
"""Write docs/reference.md: every public name, from its docstring. Run with `make reference`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "reference.md"

#: Section of the page -> module, and its names; None for all that the module exports and no earlier section has.
SECTIONS: tuple[tuple[str, str, tuple[str, ...] | None], ...] = (
    ("Filters", "wasmnb", ("Filter", "FilterInfo", "filter", "Plugin", "TypedConfig")),
    ("Proxies", "wasmnb", ("Proxy", "Envoy", "compare")),
    ("Upstreams and settings", "wasmnb", ("Cluster", "GrpcServer", "RedisServer", "RedisError", "TcpReply", "RouteMatch", "Listener")),
    ("Messages and exchanges", "wasmnb", ("Request", "Response", "Headers", "Exchange")),
    ("Traffic", "wasmnb", (
        "load", "LoadReport", "read_traffic", "write_traffic", "RecordedExchange", "replay", "ReplayReport", "diff", "WasmTransport",
    )),
    ("Errors", "wasmnb", (
        "WasmnbError", "SourceError", "ModuleError", "FilterTrap", "UsageError", "BuildError", "NativeWarning", "CacheWarning",
    )),
    ("In a filter: wasmnb.sdk", "wasmnb.sdk", None),
    ("In a filter: hostcalls", "wasmnb.sdk.hostcalls", None),
    ("In a filter: wasmnb.sdk.jwt", "wasmnb.sdk.jwt", None),
    ("More of the package", "wasmnb", None),
    ("The simulated proxy: wasmnb.host", "wasmnb.host", None),
    ("The real Envoy: wasmnb.envoy", "wasmnb.envoy", None),
    ("Tests: wasmnb.testing", "wasmnb.testing", None),
)  # fmt: skip

_HEADING = re.compile(r"^(Parameters|Attributes|Returns|Yields|Raises)\n-+\n", re.MULTILINE)
_NOT_SHOWN = frozenset(("mro", "with_traceback", "add_note"))


def page() -> str:
    """Return the page."""
    seen: set[int] = set()
    sections = [(title, module, list(_objects(module, names, seen))) for title, module, names in SECTIONS]
    sections = [section for section in sections if section[2]]
    lines = ["# Reference", "", "Every public name, written by `make reference` from the docstrings. The guides are in [docs/](README.md).", ""]
    anchors = _Anchors()
    body: list[str] = []
    for title, module, objects in sections:
        body += ["", f"## {title}"]
        _, heading = anchors.of(title)
        links = []
        for name, value in objects:
            names = (name, f"{module}.{name}") if module == "wasmnb" else (f"{module}.{name}", f"{module} {name}")
            full, anchor = anchors.of(*names)
            links.append(f"[{name}](#{anchor})")
            body += ["", f"### {full}", "", *_entry(name, value, module)]
        lines += [f"- **[{title}](#{heading})**: {' · '.join(links)}"]
    lines += body
    return "\n".join(lines) + "\n"


def _objects(module: str, names: tuple[str, ...] | None, seen: set[int]) -> Iterator[tuple[str, Any]]:
    home = import_module(module)
    for name in names if names is not None else sorted(home.__all__):
        value = getattr(home, name)
        if inspect.ismodule(value) or id(value) in seen or name.startswith("__"):
            continue
        seen.add(id(value))
        yield name, value


class _Anchors:
    """Anchors of headings as GitHub makes them, each once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def of(self, *titles: str) -> tuple[str, str]:
        """Return the first of the titles whose anchor is new, and that anchor."""
        for title in titles:
            anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            if anchor not in self._seen:
                self._seen.add(anchor)
                return title, anchor
        raise ValueError(f"the page has another heading {titles[-1]}")


def _entry(name: str, value: Any, module: str) -> Iterator[str]:
    if inspect.isclass(value):
        yield from _class(name, value)
    elif callable(value):
        yield f"`{module}.{name}{_signature(value)}`"
        yield from _documentation(value)
    else:
        yield f"`{module}.{name}`, a `{type(value).__name__}`."
        yield from _documentation(type(value))


def _class(name: str, value: type) -> Iterator[str]:
    bases = [base.__name__ for base in value.__bases__ if base is not object and not base.__name__.startswith("_")]
    kind = f"class `{name}`" + (f", a kind of {', '.join(f'`{b}`' for b in bases)}" if bases else "")
    if issubclass(value, Enum):
        yield f"{kind}. Values: " + ", ".join(f"`{member.name}` ({member.value!r})" for member in value) + "."
    elif "__init__" in vars(value) and not issubclass(value, BaseException):
        yield f"`{name}{_signature(value)}`"
    else:
        yield f"{kind}."
    yield from _documentation(value)
    for member, attribute in _members(value):
        yield ""
        yield from _member(member, attribute)


def _members(value: type) -> Iterator[tuple[str, Any]]:
    """Yield documented public methods and properties, those of wasmnb's own base classes included."""
    order = [vars(base) for base in value.__mro__ if base.__module__.startswith("wasmnb")]
    names = dict.fromkeys(name for space in order for name in space if not name.startswith("_") and name not in _NOT_SHOWN)
    for name in names:
        attribute = next(space[name] for space in order if name in space)
        if isinstance(attribute, property | cached_property | classmethod | staticmethod) or inspect.isfunction(attribute):
            yield name, attribute


def _member(name: str, attribute: Any) -> Iterator[str]:
    if isinstance(attribute, property | cached_property):
        yield f"**`{name}`**"
    else:
        function = attribute.__func__ if isinstance(attribute, classmethod | staticmethod) else attribute
        kind = "classmethod " if isinstance(attribute, classmethod) else "async " if inspect.iscoroutinefunction(function) else ""
        yield f"**`{kind}{name}{_signature(function, bound=not isinstance(attribute, staticmethod))}`**"
        attribute = function
    yield from _documentation(attribute)


def _signature(function: Any, *, bound: bool = False) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"
    parameters = list(signature.parameters.values())[bound:]
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    text = re.sub(r"<[\w ]+(?:\.<\w+>|[\w.])* at 0x\w+>", "...", text)
    text = re.sub(r"<(?:class|function|enum) '?(?:\w+\.)*(\w+)'?[^>]*>|<(\w+\.\w+): [^>]*>|<factory>", r"\1\2", text)
    return text.replace("Ellipsis", "...")


def _documentation(value: Any) -> Iterator[str]:
    text = inspect.getdoc(value)
    if not text or (inspect.isclass(value) and text.startswith(f"{value.__name__}(")):
        return
    yield ""
    parts = _HEADING.split(text)
    yield parts[0].rstrip()
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        yield from ("", f"*{heading}*", "", *_list(body))


def _list(body: str) -> Iterator[str]:
    """Yield numpydoc's entries as a list; text that isn't an entry stays as it is."""
    terms: list[str] = []
    texts: list[str] = []

    def item() -> Iterator[str]:
        if terms:
            text = " ".join(part.strip() for part in texts).strip()
            yield f"- `{' '.join(terms)}`" + (f": {text}" if text else "")

    for line in body.strip("\n").splitlines():
        if line.startswith("    ") or not line.strip():
            texts.append(line)
        elif terms and not texts and terms[-1].endswith(","):
            terms.append(line.strip())
        else:
            yield from item()
            terms, texts = [line.strip()], []
    yield from item()


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.exists() and PAGE.read_text() == text else "docs/reference.md is not current: run `make reference`")
    PAGE.write_text(text)

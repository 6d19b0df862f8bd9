"""Comparison of a saved module with a new build of the same filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._display import short
from ...errors import ModuleError
from ...parsing.leb128 import Malformed
from .record import SECTION, read_record, sections

__all__ = ["differences"]

#: Field of the build record -> description of a difference.
_FIELDS = {
    "form": "the form of the module",
    "strip": "whether comments and docstrings are removed",
    "profile": "whether a profile of its traffic was used",
    "runtime": "the runtime (its hash covers the SDK, the linker, the packages and the hash secret)",
    "source": "the source",
}


def differences(saved: bytes, built: bytes) -> list[str]:
    """Return sentences about the differences between two builds, beginning with the reasons, or [] if the builds are equal.

    Parameters
    ----------
    saved
        Bytes of the saved module.
    built
        Bytes of the new build.

    Raises
    ------
    ModuleError
        The file isn't a WebAssembly module.
    """
    if saved == built:
        return []
    try:
        places = _places(saved, built)
    except Malformed as error:
        raise ModuleError(
            f"The file isn't a WebAssembly module: {error}. Pass a module that wasmnb has saved."
        ) from None
    record, again = read_record(saved), read_record(built)
    if record is None or again is None:
        return [
            "The file contains no record of its build, because another tool or an older version of wasmnb built it.",
            *places,
        ]
    return [*_of_records(record, again), *places]


def _of_records(record: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[str]:
    for name, text in _FIELDS.items():
        if record.get(name) != again.get(name):
            yield f"Different: {text}."
    old, new = record["versions"], again["versions"]
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            there, here = short(old.get(name, "none")), short(new.get(name, "none"))
            yield f"Different: the version of {short(name)}; {there} in the file, {here} here."
    packages, others = ({p["name"]: p["version"] for p in r["packages"]} for r in (record, again))
    for name in sorted({*packages, *others}):
        if packages.get(name) != others.get(name):
            there, here = short(packages.get(name, "none")), short(others.get(name, "none"))
            yield f"Different: the package {short(name)}; {there} in the file, {here} here."


def _places(saved: bytes, built: bytes) -> list[str]:
    """Return sentences about the sections that differ, with the position of the first different byte."""
    old, new = ({name: data[start:end] for name, start, end in sections(data)} for data in (saved, built))
    places = []
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one == other or name == SECTION:
            continue
        if one is None or other is None:
            places.append(f"Section {short(name)}: only in the {'built module' if one is None else 'file'}.")
            continue
        at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        places.append(
            f"Section {short(name)}: {len(one):,} bytes in the file, {len(other):,} here; the first difference is at {at:,}."
        )
    return places or ["Only the order or encoding of sections differs."]

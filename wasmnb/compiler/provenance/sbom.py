"""Software components of a module with their licences, and the SPDX 2.3 document that lists them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ..._version import __version__
from .record import read_record

__all__ = ["SpdxPackage", "components", "spdx_document"]

#: Name of a licence in package metadata -> SPDX identifier.
_IDENTIFIERS = {
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}

#: Pattern of an SPDX expression without parentheses. Other texts aren't expressions.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")

#: Time of creation in SPDX documents, which is fixed so that documents about the same module are equal. SOURCE_DATE_EPOCH
#: overrides it.
_CREATED = 1577836800

_LLVM = "Apache-2.0 WITH LLVM-exception"


@dataclass(frozen=True)
class SpdxPackage:
    """A software component that a module contains.

    Attributes
    ----------
    name, version
        Name and version. The version is empty if it is unknown.
    licence
        Licence as an SPDX expression, or `NOASSERTION`.
    home
        Address of the project, or ''.
    note
        Phrase about the component's role in the module.
    declared
        Licence in the package's metadata if it isn't an SPDX expression, otherwise ''.
    """

    name: str
    version: str
    licence: str
    home: str = ""
    note: str = ""
    declared: str = ""


def components(wasm: bytes) -> list[SpdxPackage]:
    """Return the software components of a module that was built by wasmnb. Returns [] for modules from other toolchains."""
    record = read_record(wasm)
    if record is None:
        return []
    versions = record["versions"]
    parts = [
        SpdxPackage("wasmnb", versions["wasmnb"], "Apache-2.0", "", "SDK, glue and interpreter"),
        SpdxPackage("CPython", versions["python"], "PSF-2.0", "https://www.python.org", "interpreter and standard library"),
        SpdxPackage("expat", "", "MIT", "https://libexpat.github.io", "in CPython"),
        SpdxPackage("libmpdec", "", "BSD-2-Clause", "https://www.bytereef.org/mpdecimal", "in CPython"),
        SpdxPackage("HACL*", "", "Apache-2.0 OR MIT", "https://hacl-star.github.io", "hashes in CPython"),
        SpdxPackage("mimalloc", "", "MIT", "https://github.com/microsoft/mimalloc", "in CPython"),
        SpdxPackage("zlib", "", "Zlib", "https://zlib.net", "in CPython"),
        SpdxPackage("wasi-libc", "", f"({_LLVM} OR Apache-2.0 OR MIT) AND MIT AND CC0-1.0 AND BSD-2-Clause",
                  "https://github.com/WebAssembly/wasi-libc", "C library, with parts of musl, dlmalloc and TRE"),
        SpdxPackage("LLVM runtimes", "", _LLVM, "https://llvm.org", "compiler-rt, libc++"),
        SpdxPackage("componentize-py", versions["componentize-py"], _LLVM,
                  "https://github.com/bytecodealliance/componentize-py", "start of the interpreter"),
        SpdxPackage("Rust standard library", "", "MIT OR Apache-2.0", "https://www.rust-lang.org", "in componentize-py"),
        SpdxPackage("PyO3", "", "MIT OR Apache-2.0", "https://pyo3.rs", "in componentize-py"),
    ]  # fmt: skip
    if record["form"] == "full":
        parts.append(
            SpdxPackage("SQLite", "", "blessing", "https://sqlite.org", "in CPython; release modules leave it out")
        )
    return [*parts, *map(_of_package, record["packages"])]


def _of_package(package: Mapping[str, str]) -> SpdxPackage:
    name, version, declared = package["name"], package["version"], package["license"]
    licence = _IDENTIFIERS.get(declared, declared if _EXPRESSION.fullmatch(declared) else "NOASSERTION")
    return SpdxPackage(
        name,
        version,
        licence,
        f"https://pypi.org/project/{name}" if version else "",
        "package that the filter imports",
        declared if licence == "NOASSERTION" else "",
    )


def spdx_document(name: str, wasm: bytes) -> dict[str, Any]:
    """Return an SPDX 2.3 document that lists the components of a module.

    Parameters
    ----------
    name
        Name of the module.
    wasm
        Bytes of the module.
    """
    digest = sha256(wasm).hexdigest()
    created = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or _CREATED), UTC)
    parts = components(wasm)
    module = {
        **_spdx_package("Module", SpdxPackage(name, "", "NOASSERTION")),
        "packageFileName": f"{name}.wasm",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        "primaryPackagePurpose": "APPLICATION",
    }
    inside = [_spdx_package(f"Component-{i}", part) for i, part in enumerate(parts, 1)]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}.wasm",
        "documentNamespace": f"https://spdx.org/spdxdocs/wasmnb-{name}-{digest}",
        "creationInfo": {"created": f"{created:%Y-%m-%dT%H:%M:%SZ}", "creators": [f"Tool: wasmnb-{__version__}"]},
        "packages": [module, *inside],
        "relationships": _relationships(inside),
    }


def _spdx_package(reference: str, part: SpdxPackage) -> dict[str, Any]:
    package: dict[str, Any] = {
        "SPDXID": f"SPDXRef-{reference}",
        "name": part.name,
        "downloadLocation": part.home or "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": part.licence,
        "copyrightText": "NOASSERTION",
    }
    if part.version:
        package["versionInfo"] = part.version
    if part.note or part.declared:
        declared = f"; its metadata names the licence {part.declared!r}" if part.declared else ""
        package["comment"] = part.note + declared
    return package


def _relationships(inside: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    contained = [("SPDXRef-Module", "CONTAINS", part["SPDXID"]) for part in inside]
    return [
        {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
        for one, kind, other in [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Module"), *contained]
    ]

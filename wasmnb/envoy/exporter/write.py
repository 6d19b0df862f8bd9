"""`export`: everything that a deployment needs, written into one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ..._display import Shown
from ..._version import __version__
from ...errors import UsageError
from . import kubernetes
from .envoy_yaml import envoy_config
from .folder import complete_or_nothing
from .image import write_image
from .readme import readme
from .setup import Setup

__all__ = ["Export", "export"]

ENVOY, ISTIO, GATEWAY, IMAGES, README = "envoy.yaml", "wasmplugin.yaml", "envoyextensionpolicy.yaml", "oci", "README.md"


@dataclass(frozen=True)
class Export(Shown):
    """What was written.

    Attributes
    ----------
    folder
        Where.
    files
        (name in the folder, bytes, what it is) of each entry.
    images
        Module name -> (reference, digest of the manifest).
    notes
        What a manifest cannot say, as sentences.
    port
        Where the exported Envoy will listen.
    """

    folder: Path
    files: Sequence[tuple[str, int, str]]
    images: dict[str, tuple[str, str]]
    notes: Sequence[str]
    port: int

    def __repr__(self) -> str:
        return f"<Export {self.folder}: {', '.join(name for name, _, _ in self.files)}>"


def export(
    thing: Any,
    folder: str | os.PathLike[str],
    *,
    registry: str = "registry.example.com",
    tag: str = "latest",
    port: int = 10000,
    admin_port: int = 9901,
    force: bool = False,
) -> Export:
    """Write module, `envoy.yaml`, manifests for Istio and Envoy Gateway, an OCI image and a README.

    Parameters
    ----------
    thing
        A `Proxy`, or a `Filter`, a `Plugin` or a list of them.
    folder
        Is made if it is not there. It is filled completely or not at all.
    registry, tag
        What the image will be called: `REGISTRY/NAME:TAG`.
    port, admin_port
        Where the exported Envoy listens, on 127.0.0.1; 0 lets the system choose.
    force
        Replace files of the same names.

    Raises
    ------
    UsageError
        There is no plugin, an image cannot be called so, or files of these names are there.
    BuildError
        The disk refused.
    """
    _check(registry, tag)
    setup = Setup.of(thing)
    images = {module.name: f"{registry.rstrip('/')}/{module.name}:{tag}" for module in setup.modules}
    target = Path(folder)
    with complete_or_nothing(target, force=force) as fresh:
        for module in setup.modules:
            (fresh / module.file).write_bytes(module.data)
        digests = {m.name: write_image(fresh / IMAGES / m.name, m.data, tag) for m in setup.modules}
        _write(fresh / ENVOY, [envoy_config(setup, port, admin_port)], "In this folder: envoy -c envoy.yaml")
        _write(fresh / ISTIO, kubernetes.wasm_plugins(setup, images, digests), f"kubectl apply -f {ISTIO}")
        _write(fresh / GATEWAY, kubernetes.extension_policy(setup, images), f"kubectl apply -f {GATEWAY}")
        notes = tuple(kubernetes.notes(setup))
        made = Export(target, _described(fresh), {n: (images[n], digests[n]) for n in images}, notes, port)
        (fresh / README).write_text(readme(setup, made), encoding="utf-8")
        return replace(made, files=_described(fresh))


def _check(registry: str, tag: str) -> None:
    """Refuse what cannot be in an image's reference."""
    if not registry or not all(c.isascii() and (c.isalnum() or c in "._-:/") for c in registry) or "//" in registry:
        raise UsageError(f"{registry!r} is no registry; one is written `registry.example.com/team`.")
    if not tag or len(tag) > 128 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in tag):
        raise UsageError(f"{tag!r} is no tag; one is written `latest` or `1.2.0`.")


def _write(path: Path, documents: Sequence[Any], comment: str) -> None:
    """Documents as YAML under a comment; no file without documents."""
    if not documents:
        return
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(f"# Written by wasmnb {__version__}. {comment}\n{text}", encoding="utf-8")


_WHAT = {
    ENVOY: "Envoy with the filter, on loopback",
    ISTIO: "Istio: a WasmPlugin for each filter",
    GATEWAY: "Envoy Gateway: an EnvoyExtensionPolicy",
    IMAGES: "OCI image layout, to copy to a registry",
    README: "the commands",
}


def _described(folder: Path) -> tuple[tuple[str, int, str], ...]:
    entries = sorted(folder.iterdir(), key=lambda e: (e.suffix != ".wasm", e.name == README, e.is_dir(), e.name))
    return tuple((e.name, _size(e), _WHAT.get(e.name, "the module")) for e in entries)


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size

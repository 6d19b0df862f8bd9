"""`export`: the files of a deployment, written into one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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


class ExportedFile(NamedTuple):
    """One entry of the folder: its name, its bytes, and a description."""

    name: str
    size: int
    description: str


class ImageReference(NamedTuple):
    """The name of an image with its tag, and the digest of its manifest."""

    name: str
    digest: str


@dataclass(frozen=True)
class Export(Shown):
    """The result of an export.

    Attributes
    ----------
    folder
        The folder.
    files
        The entries of the folder.
    images
        The images by module name.
    notes
        Sentences about settings that a manifest has no field for.
    port
        Port of the exported Envoy.
    """

    folder: Path
    files: Sequence[ExportedFile]
    images: dict[str, ImageReference]
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
        Created if it doesn't exist. It is filled completely or not at all.
    registry, tag
        Parts of the image's name, `REGISTRY/NAME:TAG` ("registry.example.com", "latest").
    port, admin_port
        Ports of the exported Envoy on 127.0.0.1 (10000, 9901); 0 lets the system choose.
    force
        Replace files of the same names (False).

    Raises
    ------
    UsageError
        There is no plugin, the registry or tag isn't valid, or files of these names exist.
    BuildError
        The disk reported an error.
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
        references = {name: ImageReference(images[name], digests[name]) for name in images}
        result = Export(target, _entries(fresh), references, notes, port)
        (fresh / README).write_text(readme(setup, result), encoding="utf-8")
        return replace(result, files=_entries(fresh))


def _check(registry: str, tag: str) -> None:
    """Check the parts of an image's name."""
    if not registry or not all(c.isascii() and (c.isalnum() or c in "._-:/") for c in registry) or "//" in registry:
        raise UsageError(f"{registry!r} isn't a registry. Write it as `registry.example.com/team`.")
    if not tag or len(tag) > 128 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in tag):
        raise UsageError(f"{tag!r} isn't a tag. Write it as `latest` or `1.2.0`.")


def _write(path: Path, documents: Sequence[Any], comment: str) -> None:
    """Write documents as YAML under a comment; without documents, write no file."""
    if not documents:
        return
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(f"# Written by wasmnb {__version__}. {comment}\n{text}", encoding="utf-8")


#: Entry -> its description.
_DESCRIPTIONS = {
    ENVOY: "Envoy with the filter, on loopback",
    ISTIO: "Istio: a WasmPlugin for each filter",
    GATEWAY: "Envoy Gateway: an EnvoyExtensionPolicy",
    IMAGES: "OCI image layout, to copy to a registry",
    README: "the commands",
}


def _entries(folder: Path) -> tuple[ExportedFile, ...]:
    paths = sorted(folder.iterdir(), key=lambda p: (p.suffix != ".wasm", p.name == README, p.is_dir(), p.name))
    return tuple(ExportedFile(p.name, _size(p), _DESCRIPTIONS.get(p.name, "the module")) for p in paths)


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size

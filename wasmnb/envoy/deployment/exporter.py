"""The function `export`, which writes all files of a deployment to a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ... import _hooks
from ..._display import Shown
from ..._version import __version__
from ...compiler.provenance.sbom import spdx_document
from ...errors import UsageError
from ...host import Proxy
from . import kubernetes
from .envoy_filter import envoy_filters
from .envoy_yaml import Ports, envoy_config
from .folder import complete_or_nothing
from .image import write_image
from .readme import readme
from .setup import Setup
from .start import start_facts

__all__ = ["CONTEXTS", "Export", "export"]

#: Valid values of the parameter `context`.
CONTEXTS = ("GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND")

ENVOY, ISTIO, GATEWAY, IMAGES, README = "envoy.yaml", "wasmplugin.yaml", "envoyextensionpolicy.yaml", "oci", "README.md"
EXTENSION, FILTER = "trafficextension.yaml", "envoyfilter.yaml"

#: Suffix of the file that lists the components of a module.
SBOM = ".spdx.json"


class ExportedFile(NamedTuple):
    """A file or folder in the exported folder, with its size in bytes and a description."""

    name: str
    size: int
    description: str


class ImageReference(NamedTuple):
    """Name of an image with its tag, and digest of its manifest."""

    name: str
    digest: str


@dataclass(frozen=True)
class Export(Shown):
    """The result of `export`.

    Attributes
    ----------
    folder
        Path of the folder that was written.
    files
        Files and folders in `folder`, with their sizes.
    images
        Names and digests of the images, by module name.
    notes
        Sentences about settings that the manifests can't express.
    port
        Main port of the exported Envoy.
    ports
        All ports of the exported Envoy.
    """

    folder: Path
    files: Sequence[ExportedFile]
    images: dict[str, ImageReference]
    notes: Sequence[str]
    port: int
    ports: Ports = field(default_factory=Ports)

    def __repr__(self) -> str:
        return f"<Export {self.folder}: {', '.join(name for name, _, _ in self.files)}>"


def export(
    filters: Any,
    folder: str | os.PathLike[str],
    *,
    registry: str = "registry.example.com",
    tag: str = "latest",
    port: int = 10000,
    admin_port: int = 9901,
    strip: bool = True,
    tcp_port: int | None = None,
    upstream_port: int = 8000,
    context: str = "GATEWAY",
    force: bool = False,
    profile: Any = None,
    measured: bool | None = None,
) -> Export:
    """Write a folder for deployment with modules, `envoy.yaml`, manifests for Istio and Envoy Gateway, OCI images and a README.

    Parameters
    ----------
    filters
        A `Proxy`, a `Filter`, a `Plugin`, or a list of filters and plugins.
    folder
        Folder to write. It is created if it doesn't exist, and isn't changed if an error occurs.
    registry, tag
        Parts of the image names `REGISTRY/NAME:TAG` (defaults "registry.example.com" and "latest").
    port, admin_port
        Ports of the exported Envoy on 127.0.0.1 (defaults 10000 and 9901). If a port is 0, the system chooses it.
    strip
        Whether to remove comments and docstrings from the modules (default True). Line numbers don't change.
    tcp_port
        Port for network filters. By default, the port after `port`, or `port` itself if there are no HTTP filters.
    upstream_port
        First port for upstreams that are Python functions in the simulation (default 8000). Others use the next ports.
    context
        Where Istio applies the EnvoyFilter: "GATEWAY" (the default), "SIDECAR_INBOUND" or "SIDECAR_OUTBOUND".
    force
        Whether to replace existing files with the same names (default False).
    profile
        A `Proxy` that has served requests, or a profile from `wasmnb.traffic.record_code_profile`. Code that ran during this
        traffic is compiled in the modules (default None).
    measured
        True starts Envoy with the modules, and writes the measured cost of the start into the README. False writes a
        prediction. None (the default) measures if Envoy is installed and the start takes a few seconds at most.

    Returns
    -------
    Export
        The folder and the files in it.

    Raises
    ------
    UsageError
        There is no plugin, the profile has no traffic, the registry, tag or context isn't valid, or files with these names
        exist.
    BuildError
        The files can't be written.
    """
    _check(registry, tag)
    if context not in CONTEXTS:
        raise UsageError(f"context must be one of {', '.join(CONTEXTS)}, not {context!r}.")
    ports = Ports(port, tcp_port, admin_port, upstream_port)
    if isinstance(profile, Proxy):
        profile = _hooks.code_profile(profile)
    setup = Setup.of(filters, profile=profile, strip=strip)
    images = {module.name: f"{registry.rstrip('/')}/{module.name}:{tag}" for module in setup.modules}
    target = Path(folder)
    with complete_or_nothing(target, force=force) as fresh:
        for module in setup.modules:
            (fresh / module.file).write_bytes(module.data)
            document = json.dumps(spdx_document(module.name, module.data), indent=1)
            (fresh / f"{module.name}{SBOM}").write_text(document + "\n", encoding="utf-8")
        digests = {m.name: write_image(fresh / IMAGES / m.name, m.data, tag) for m in setup.modules}
        _write(fresh / ENVOY, [envoy_config(setup, ports)], "In this folder: envoy -c envoy.yaml")
        _write(fresh / ISTIO, kubernetes.wasm_plugins(setup, images, digests), f"kubectl apply -f {ISTIO}")
        extensions = kubernetes.traffic_extensions(setup, images, digests)
        _write(fresh / EXTENSION, extensions, f"kubectl apply -f {EXTENSION}")
        filters = envoy_filters(setup, images, digests, context=context)
        _write(fresh / FILTER, filters, f"kubectl apply -f {FILTER}")
        _write(fresh / GATEWAY, kubernetes.extension_policy(setup, images), f"kubectl apply -f {GATEWAY}")
        notes = tuple(kubernetes.notes(setup))
        references = {name: ImageReference(images[name], digests[name]) for name in images}
        result = Export(target, _entries(fresh), references, notes, port, ports)
        (fresh / README).write_text(readme(setup, result, start_facts(setup, measured)), encoding="utf-8")
        return replace(result, files=_entries(fresh))


def _check(registry: str, tag: str) -> None:
    """Check the registry and the tag in an image's name."""
    if not registry or not all(c.isascii() and (c.isalnum() or c in "._-:/") for c in registry) or "//" in registry:
        raise UsageError(f"registry={registry!r} isn't a valid registry. Write it like `registry.example.com/team`.")
    if not tag or len(tag) > 128 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in tag):
        raise UsageError(f"tag={tag!r} isn't a valid tag. Write it like `latest` or `1.2.0`.")


def _write(path: Path, documents: Sequence[Any], comment: str) -> None:
    """Write documents as YAML with a comment above them. If there are no documents, no file is written."""
    if not documents:
        return
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(f"# Written by wasmnb {__version__}. {comment}\n{text}", encoding="utf-8")


#: Name of an exported file or folder -> its description.
_DESCRIPTIONS = {
    ENVOY: "Envoy with the filter, on loopback",
    ISTIO: "Istio before 1.30: a WasmPlugin for each filter",
    EXTENSION: "Istio from 1.30: a TrafficExtension for each filter",
    FILTER: "Istio: an EnvoyFilter, which has every setting",
    GATEWAY: "Envoy Gateway: an EnvoyExtensionPolicy",
    IMAGES: "OCI image layout, to copy to a registry",
    README: "the commands",
}


def _entries(folder: Path) -> tuple[ExportedFile, ...]:
    paths = sorted(folder.iterdir(), key=lambda p: (p.suffix != ".wasm", p.name == README, p.is_dir(), p.name))
    return tuple(ExportedFile(p.name, _size(p), _description(p.name)) for p in paths)


def _description(name: str) -> str:
    return _DESCRIPTIONS.get(
        name, "components of the module and their licences" if name.endswith(SBOM) else "the module"
    )


def _size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size

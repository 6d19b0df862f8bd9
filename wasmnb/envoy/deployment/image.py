"""OCI images for modules, in the image layout on disk that registry tools can copy.

The Wasm image specification has two variants. Images use the "compat" variant: a `tar+gzip` layer with `plugin.wasm`, an
ordinary image configuration, and an annotation. Istio and Envoy Gateway can pull both variants, and all registries and tools
accept "compat". The bytes depend only on the module, so the image of an unchanged module keeps its digest.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["write_image"]

_OCI = "application/vnd.oci.image."
_MANIFEST, _CONFIG, _LAYER = _OCI + "manifest.v1+json", _OCI + "config.v1+json", _OCI + "layer.v1.tar+gzip"
_VARIANT = {"module.wasm.image/variant": "compat"}


def write_image(folder: Path, module: bytes, tag: str) -> str:
    """Write an OCI image layout with one image that contains a module.

    Parameters
    ----------
    folder
        Folder to create. It must not exist yet.
    module
        Bytes of the Wasm module.
    tag
        Tag of the image in the layout's index, for example "latest".

    Returns
    -------
    str
        Digest of the image's manifest, `sha256:...`, which identifies the image in a registry.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    archive = _archive(module)
    layer = _blob(blobs, _LAYER, gzip.compress(archive, 6, mtime=0))
    history = [{"created_by": "wasmnb"}]
    rootfs = {"type": "layers", "diff_ids": [_digest(archive)]}
    # Architecture and system are required; these are the values that container tools use for Wasm modules.
    config = {"architecture": "wasm", "os": "wasip1", "config": {}, "rootfs": rootfs, "history": history}
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _blob(blobs, _CONFIG, _json(config)),
        "layers": [layer],
        "annotations": _VARIANT,
    }
    descriptor = _blob(blobs, _MANIFEST, _json(manifest))
    named_descriptor = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [named_descriptor]}))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(descriptor["digest"])


def _archive(module: bytes) -> bytes:
    """Return a tar archive that contains the module as `plugin.wasm`, without times or owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("plugin.wasm")
        entry.size, entry.mode = len(module), 0o644
        archive.addfile(entry, io.BytesIO(module))
    return buffer.getvalue()


def _blob(blobs: Path, kind: str, data: bytes) -> dict[str, Any]:
    """Write a blob to the image layout, and return its descriptor."""
    digest = _digest(data)
    (blobs / digest.removeprefix("sha256:")).write_bytes(data)
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + sha256(data).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

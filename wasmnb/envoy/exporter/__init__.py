"""A filter for deployment: module, Envoy configuration, Kubernetes manifests and an OCI image, in one folder."""

from .write import Export, export

__all__ = ["Export", "export"]

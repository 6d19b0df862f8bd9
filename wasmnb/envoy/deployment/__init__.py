"""Export for deployment: a folder with the module, Envoy's configuration, Kubernetes manifests and an OCI image.

An export doesn't upload or start anything; the README that it writes has the commands for that. Envoy's configuration for
a local run is in `..config`.
"""

from .write import Export, export

__all__ = ["Export", "export"]

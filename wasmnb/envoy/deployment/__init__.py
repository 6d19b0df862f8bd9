"""Export for deployment: a folder with the module, Envoy's configuration, Kubernetes manifests and an OCI image.

An export doesn't upload or start anything; the README in the folder has the commands for that.
"""

from .write import Export, export

__all__ = ["Export", "export"]

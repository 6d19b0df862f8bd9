"""Export for deployment: module, Envoy configuration, Kubernetes manifests and an OCI image in one folder.

Nothing is uploaded or started; the README in the folder has the commands for that.
"""

from .write import Export, export

__all__ = ["Export", "export"]

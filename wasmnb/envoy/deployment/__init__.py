"""Export for deployment: a folder with modules, Envoy's configuration, Kubernetes manifests and OCI images.

An export doesn't upload or start anything. The README in the folder contains the commands for that. Envoy's configuration
for a local run is in `..config`.
"""

from .exporter import Export, export

__all__ = ["Export", "export"]

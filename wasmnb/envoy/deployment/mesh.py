"""Names of clusters in a mesh, and notes of an export about the clusters that a filter calls.

Istio names the cluster of a Service `outbound|80||svc.ns.svc.cluster.local`. Envoy Gateway generates the names. Its policy
defines aliases in `spec.backends`, which must be DNS labels, and a filter finds the name for an alias in the route's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...host import Cluster
from ...host.settings import MAIN_CLUSTER
from .setup import Setup, slug

__all__ = ["BINDINGS", "backends", "cluster_notes"]

#: Namespace of the route's metadata to which Envoy Gateway writes the names of clusters.
BINDINGS = "gateway.envoyproxy.io/extension-backends"

_ISTIO = re.compile(r"(?:outbound|inbound)\|\d*\|[^|]*\|[^|]*\Z")

#: Maximum number of aliases in a policy for Envoy Gateway.
_MOST = 16


def called(setup: Setup) -> dict[str, Cluster]:
    """Return the clusters that filters call: all clusters except the main one and those that routes use."""
    routed = {str(getattr(route, "cluster", "")) for route in _routes(setup)}
    return {n: c for n, c in setup.clusters.items() if n != MAIN_CLUSTER and n not in routed}


def _routes(setup: Setup) -> list[Any]:
    routes = setup.settings.routes
    return list(routes) if isinstance(routes, list | tuple) else []


def backends(setup: Setup) -> list[dict[str, Any]]:
    """Return the value of `spec.backends` for Envoy Gateway, with an alias for each cluster that filters call."""
    result = []
    for name, cluster in list(called(setup).items())[:_MOST]:
        service, namespace, port = _service(name, cluster)
        reference: dict[str, Any] = {"name": service, **({"namespace": namespace} if namespace else {}), "port": port}
        result.append({"name": slug(service), "backendRef": reference})
    return result


def _service(name: str, cluster: Cluster) -> tuple[str, str, int]:
    """Return name, namespace and port of the Service behind a cluster. The namespace is '' if it is the policy's own."""
    if _ISTIO.match(name):
        _, port, _, host = name.split("|")
        service, namespace, *_ = [*host.split("."), ""]
        return slug(service), slug(namespace) if namespace not in ("", "default") else "", int(port or 80)
    port = cluster.address.rpartition(":")[2]
    default = cluster.address == Cluster.address or not port.isdigit()
    return slug(name), "", 80 if default else int(port)


def cluster_notes(setup: Setup) -> Iterator[str]:
    """Yield a sentence for each cluster whose name differs in Istio or Envoy Gateway."""
    for name, cluster in called(setup).items():
        service, namespace, port = _service(name, cluster)
        if not _ISTIO.match(name):
            yield (
                f"cluster {name}: Istio calls the cluster of a Service outbound|{port}||{service}.{namespace or 'default'}"
                ".svc.cluster.local. Configure the filter with that name there."
            )
        yield (
            f"cluster {name}: Envoy Gateway generates names of clusters. The filter finds this one's in the route's metadata: "
            f'self.properties.xds.route_metadata["filter_metadata"]["{BINDINGS}"]["{slug(service)}"].'
        )

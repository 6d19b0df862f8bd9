"""Allow only certain gRPC methods. All others get status UNIMPLEMENTED or PERMISSION_DENIED.

Configuration (JSON)::

    {"allow": ["/shop.Orders/*", "/grpc.health.v1.Health/Check"],    required: methods or patterns to allow
     "deny": ["/shop.Orders/Delete*"],                               methods or patterns to refuse even if `allow` matches
     "hide": true}                                                   whether to use UNIMPLEMENTED for refused methods

Requests that aren't gRPC always pass.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from wasmnb.sdk import Counter, GrpcStatus, HttpContext

refused = Counter("grpc_refused")


@dataclass
class Settings:
    allow: list[str]
    deny: list[str] = field(default_factory=list)
    hide: bool = True

    def allows(self, method):
        """Return whether a gRPC method is allowed."""
        return not any(fnmatchcase(method, p) for p in self.deny) and any(fnmatchcase(method, p) for p in self.allow)


class GrpcMethods(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        if not self.request_headers.get("content-type", "").startswith("application/grpc"):
            return None
        if self.config.allows(self.request_headers[":path"]):
            return None
        refused.increment()
        if self.config.hide:
            return self.send_local_response(200, "unknown method", grpc_status=GrpcStatus.UNIMPLEMENTED)
        return self.send_local_response(403, "method not allowed", grpc_status=GrpcStatus.PERMISSION_DENIED)

"""Respond to preflight requests from browsers, and allow other origins to read responses (CORS).

Configuration (JSON)::

    {"origins": ["https://app.example", "https://*.app.example"],    required, "*" for all origins
     "methods": ["GET", "POST"],
     "headers": ["content-type", "authorization"],     request headers that scripts may set
     "expose": ["x-request-id"],                       response headers that scripts may read
     "credentials": false,                             whether to allow cookies and client certificates
     "max_age": 600}                                   seconds for which a browser caches the response to a preflight

A preflight request from any other origin gets 403. All other requests pass, because CORS protects the user and not the server.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    origins: list[str]
    methods: list[str] = field(default_factory=lambda: ["GET", "POST"])
    headers: list[str] = field(default_factory=lambda: ["content-type", "authorization"])
    expose: list[str] = field(default_factory=list)
    credentials: bool = False
    max_age: int = 600

    def __post_init__(self):
        if self.credentials and "*" in self.origins:
            raise ValueError('credentials need a list of origins, and "*" is not allowed with them')


class Cors(HttpContext):
    config: Settings
    origin = None

    def on_http_request_headers(self, num_headers, end_of_stream):
        origin = self.request_headers.get("origin")
        if origin is None:
            return None
        if any(fnmatchcase(origin, allowed) for allowed in self.config.origins):
            self.origin = origin
        if self.request.method != "OPTIONS" or "access-control-request-method" not in self.request_headers:
            return None
        if self.origin is None:
            return self.send_local_response(403, "origin not allowed\n", {"vary": "origin"}, details="cors_origin")
        headers = {
            "access-control-allow-methods": ", ".join(self.config.methods),
            "access-control-allow-headers": ", ".join(self.config.headers),
            "access-control-max-age": str(self.config.max_age),
        }
        return self.send_local_response(204, "", headers, details="cors_preflight")

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.origin is None:
            return
        headers = self.response_headers
        headers["access-control-allow-origin"] = self.origin
        headers.add("vary", "origin")
        if self.config.credentials:
            headers["access-control-allow-credentials"] = "true"
        if self.config.expose:
            headers["access-control-expose-headers"] = ", ".join(self.config.expose)

"""Count responses by route and status class, and record the duration of requests.

Configuration (JSON)::

    {"routes": {"/api/": "api", "/static/": "static"}}     path prefix -> name (default: "other")

Metrics (Envoy's admin page shows them with the prefix `wasmcustom.`)::

    route.<name>.class.<2xx...>.responses     counter of responses
    route.<name>.active                       gauge of requests in progress
    route.<name>.milliseconds                 histogram of times from the request headers to the end of the stream
"""

import time
from dataclasses import dataclass, field

from wasmnb.sdk import Counter, Gauge, Histogram, HttpContext


@dataclass
class Settings:
    routes: dict[str, str] = field(default_factory=dict)


class Metrics(HttpContext):
    config: Settings
    route = None

    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        self.route = next((name for prefix, name in self.config.routes.items() if path.startswith(prefix)), "other")
        self.start = time.monotonic()
        Gauge("active", {"route": self.route}).add(1)

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.route is not None:
            group = self.response_headers[":status"][:1] + "xx"
            Counter("responses", {"route": self.route, "class": group}).increment()

    def on_http_stream_done(self):
        if self.route is not None:  # responses created by the proxy have no route
            Gauge("active", {"route": self.route}).add(-1)
            milliseconds = round((time.monotonic() - self.start) * 1000)
            Histogram("milliseconds", {"route": self.route}).record(milliseconds)

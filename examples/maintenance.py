"""Respond to all requests with a maintenance page, except for some paths and clients.

Configuration (JSON; every part is optional)::

    {"active": true,
     "text": "Back at 10:00.",
     "retry_after": 600,                 seconds, for the header retry-after
     "open": ["/healthz"],               prefixes of paths that stay available
     "key": "letmein"}                   value of the header x-maintenance-key with which requests pass

Browsers get HTML, and other clients get JSON. To start and to end the maintenance, update the plugin's configuration.
"""

import hmac
from dataclasses import dataclass, field
from html import escape

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    active: bool = True
    text: str = "We are back soon."
    retry_after: int = 600
    open: list[str] = field(default_factory=lambda: ["/healthz"])
    key: str = ""


class Maintenance(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        settings, headers = self.config, self.request_headers
        key = headers.pop("x-maintenance-key", "")
        known = settings.key and hmac.compare_digest(key.encode("utf-8", "surrogateescape"), settings.key.encode())
        if not settings.active or known or self.request.path.startswith(tuple(settings.open)):
            return None
        extra = {"retry-after": str(settings.retry_after), "cache-control": "no-store"}
        if "text/html" in headers.get("accept", ""):
            page = f"<!doctype html><title>Maintenance</title><h1>Maintenance</h1><p>{escape(settings.text)}</p>\n"
            return self.send_local_response(
                503, page, {"content-type": "text/html; charset=utf-8", **extra}, details="maintenance"
            )
        return self.send_local_response(503, json={"error": settings.text}, headers=extra, details="maintenance")

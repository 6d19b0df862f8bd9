"""Accept only requests with a known API key, and send the name of the key's owner to the upstream.

Configuration (JSON)::

    {"clients": {"ann": "<SHA-256 of her key, in hex>"},    required
     "header": "x-api-key",                                 header with the key
     "query": "api_key",                                    query parameter with the key (default: none)
     "open": ["/healthz"]}                                  paths that need no key

The configuration contains digests instead of keys, which `printf %s KEY | sha256sum` prints. The upstream receives `x-client:
ann` instead of the key. Requests without a key get 401, and requests with an unknown key get 403.
"""

import hashlib
from dataclasses import dataclass, field

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    clients: dict[str, str]
    header: str = "x-api-key"
    query: str | None = None
    open: set[str] = field(default_factory=set)

    def __post_init__(self):
        if not self.clients:
            raise ValueError("clients needs a name with the SHA-256 of its key")
        # Keys are looked up by digest, so the time of the lookup does not depend on the key.
        self.names = {digest.lower(): name for name, digest in self.clients.items()}


class ApiKey(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        settings, headers = self.config, self.request_headers
        headers.remove("x-client")  # clients must not set it
        if self.request.path in settings.open:
            return None
        key = headers.get(settings.header)
        if key is None and settings.query:
            key = self.request.query.get(settings.query)
        if key is None:
            return self.refuse(401, "API key missing\n")
        name = settings.names.get(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest())
        if name is None:
            return self.refuse(403, "API key unknown\n")
        headers.remove(settings.header)
        headers["x-client"] = name
        return None

    def refuse(self, status, text):
        return self.send_local_response(status, text, {"cache-control": "no-store"}, details=f"api_key_{status}")

"""Let requests through only with a known API key, and send the name of the key's owner to the upstream.

Configuration (JSON)::

    {"clients": {"ann": "<SHA-256 of her key, in hex>"},    required
     "header": "x-api-key",                                 header with the key
     "query": "api_key",                                    query parameter with the key; none by default
     "open": ["/healthz"]}                                  paths that don't need a key

The configuration has digests instead of keys: `printf %s KEY | sha256sum`. The upstream gets `x-client: ann` instead of
the key. Without a key the response is 401, with an unknown key 403.
"""

import hashlib

from wasmnb.sdk import HttpContext, PluginContext, log_error


class Keys(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        clients = self.config.get("clients")
        if not clients:
            log_error('the configuration needs "clients": names with the SHA-256 of their keys')
            return False
        # Keys are looked up by digest, so the time of the lookup does not depend on the key.
        self.names = {digest.lower(): name for name, digest in clients.items()}
        self.header = self.config.get("header", "x-api-key")
        self.query = self.config.get("query")
        self.open = set(self.config.get("open", ()))
        return True


class ApiKey(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        plugin, headers = self.plugin, self.request_headers
        headers.remove("x-client")  # clients must not set it
        if self.request.path in plugin.open:
            return None
        key = headers.get(plugin.header)
        if key is None and plugin.query:
            key = self.request.query.get(plugin.query)
        if key is None:
            return self.refuse(401, "API key missing\n")
        name = plugin.names.get(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest())
        if name is None:
            return self.refuse(403, "API key unknown\n")
        headers.remove(plugin.header)
        headers["x-client"] = name
        return None

    def refuse(self, status, text):
        return self.send_local_response(status, text, {"cache-control": "no-store"}, details=f"api_key_{status}")

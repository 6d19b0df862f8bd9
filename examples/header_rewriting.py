"""Set, add and remove headers of requests and responses.

Configuration (JSON; every part is optional)::

    {"request":  {"remove": ["x-internal"], "set": {"x-env": "prod"}, "add": {"via": "gateway"}},
     "response": {"remove": ["server", "x-powered-by"], "set": {"x-frame-options": "DENY"}}}

`remove` comes first, then `set` (leaves exactly one entry), then `add` (keeps other entries). A value can have the name
of a request header in braces: `"x-original-path": "{:path}"`.
"""

import re

from wasmnb.sdk import HttpContext, PluginContext, log_error

REFERENCE = re.compile(r"\{([^{}]+)\}")


class Rules(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        for side in self.config:
            if side not in ("request", "response"):
                log_error(f"unknown part {side!r}: expected request or response")
                return False
        return True


class HeaderRewriting(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request = dict(self.request_headers)
        self.rewrite(self.request_headers, self.plugin.config.get("request", {}))

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.rewrite(self.response_headers, self.plugin.config.get("response", {}))

    def rewrite(self, headers, rules):
        for name in rules.get("remove", ()):
            headers.remove(name)
        for name, value in rules.get("set", {}).items():
            headers[name] = self.fill(value)
        for name, value in rules.get("add", {}).items():
            headers.add(name, self.fill(value))

    def fill(self, value):
        return REFERENCE.sub(lambda match: self.request.get(match[1], ""), value)

"""trap: accepts 0 as its limit and then divides by it."""

import json


class Limits(PluginContext):
    limit = 10

    def on_plugin_start(self, plugin_configuration_size):
        try:
            self.limit = int(json.loads(self.configuration or b"{}").get("limit", 10))
        except (ValueError, TypeError, AttributeError):
            return False
        return True


class Share(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-share"] = str(num_headers / self.plugin.limit)

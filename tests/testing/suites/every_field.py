"""The filter that meets the expectations of the suites in this folder."""

import os
import time
from urllib.parse import urlsplit

from wasmnb.sdk import HttpContext, PluginContext, log_debug, log_info


class Greeter(PluginContext):
    def on_plugin_start(self, size):
        log_info(f"started with {self.configuration.decode()}")
        return True


class Greet(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        log_debug(f"the clock says {int(time.time())}")
        region = self.get_property("source", "client_region")
        if region:
            self.request_headers["x-region"] = region
        self.request_headers.pop("x-secret", None)
        if self.request_headers.get("x-who") == "nobody":
            self.send_local_response(403, "who are you?\n", [("x-why", "nobody")], grpc_status=7, details="nobody")
            return
        origin = self.get_property("request", "url")
        if origin:
            self.request_headers["x-origin"] = urlsplit(origin.decode()).netloc
        if "GREETING" in os.environ:
            self.request_headers["x-greeting"] = os.environ["GREETING"]

    def on_http_request_body(self, size, end_of_stream):
        self.request_body = bytes(self.request_body) + b"+"

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-served"] = "yes"

    def on_http_response_body(self, size, end_of_stream):
        self.response_body = bytes(self.response_body).upper()

    def on_http_stream_done(self):
        log_info("goodbye")

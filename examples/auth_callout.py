"""Ask an authorisation service about every request before it goes on.

Configuration (JSON)::

    {"cluster": "auth",                the service's cluster
     "path": "/check",
     "timeout": 0.5,                   seconds
     "headers": ["authorization", "cookie"],       request headers that the service gets
     "upstream_headers": ["x-user"],   headers of its response that the upstream gets
     "fail_open": false}               let requests through while the service is down

The service sees method and path as `x-original-method` and `x-original-path`. With 2xx the request goes on; any
other response goes to the client. If the service fails, the client gets 503.
"""

from wasmnb.sdk import Action, HostcallError, HttpContext, PluginContext, log_error, log_warn


class Service(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.cluster = self.config.get("cluster", "auth")
        self.path = self.config.get("path", "/check")
        self.timeout = self.config.get("timeout", 0.5)
        self.sent = self.config.get("headers", ["authorization", "cookie"])
        self.upstream_headers = self.config.get("upstream_headers", ["x-user"])
        self.fail_open = self.config.get("fail_open", False)


class AuthCallout(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, service = self.request_headers, self.plugin
        for name in service.upstream_headers:
            headers.remove(name)  # only the service may set them
        request = [("x-original-method", headers[":method"]), ("x-original-path", headers[":path"])]
        request += [(name, value) for name in service.sent for value in headers.get_all(name)]
        try:
            self.http_call(
                service.cluster, path=service.path, headers=request, timeout=service.timeout, callback=self.on_response
            )
        except HostcallError as error:  # the cluster does not exist, or has no healthy endpoint
            log_error(error)
            return self.on_failure("unreachable")
        return Action.PAUSE

    def on_response(self, response):
        if response.error:
            if self.on_failure(response.error) is None:
                self.continue_request()
        elif response.ok:
            for name in self.plugin.upstream_headers:
                if name in response.headers:
                    self.request_headers[name] = response.headers[name]
            self.continue_request()
        else:
            names = ("www-authenticate", "location", "set-cookie", "content-type")
            headers = [(n, v) for n, v in response.headers.items() if n in names]
            self.send_local_response(response.status, response.body, headers, details="auth_refused")

    def on_failure(self, reason):
        log_warn(f"authorisation service: {reason}")
        if self.plugin.fail_open:
            return None
        return self.send_local_response(503, "authorisation is not available\n", details="auth_unavailable")

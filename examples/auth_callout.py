"""Asks an authorisation service about every request before it goes on.

Configuration (JSON)::

    {"cluster": "auth",                the service's cluster
     "path": "/check",
     "timeout": 0.5,                   seconds
     "headers": ["authorization", "cookie"],       request headers that are sent along
     "upstream_headers": ["x-user"],   headers of its answer that the upstream gets
     "fail_open": false}               let requests through while the service is down

The service sees method and path as `x-original-method` and `x-original-path`. 2xx lets the request through; any other
answer goes to the client as it is. When the service fails, the client gets 503.
"""

from wasmnb.sdk import Action, HostcallError, HttpContext, PluginContext, log_error, log_warn


class Service(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.cluster = self.config.get("cluster", "auth")
        self.path = self.config.get("path", "/check")
        self.timeout = self.config.get("timeout", 0.5)
        self.sent = self.config.get("headers", ["authorization", "cookie"])
        self.taken = self.config.get("upstream_headers", ["x-user"])
        self.fail_open = self.config.get("fail_open", False)


class AuthCallout(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, service = self.request_headers, self.plugin
        for name in service.taken:
            headers.remove(name)  # only the service may set them
        question = [("x-original-method", headers[":method"]), ("x-original-path", headers[":path"])]
        question += [(name, value) for name in service.sent for value in headers.get_all(name)]
        try:
            self.http_call(
                service.cluster, path=service.path, headers=question, timeout=service.timeout, callback=self.on_answer
            )
        except HostcallError as error:  # no such cluster, or no endpoint up
            log_error(error)
            return self.on_failure("unreachable")
        return Action.PAUSE

    def on_answer(self, answer):
        if answer.error:
            if self.on_failure(answer.error) is None:
                self.continue_request()
        elif answer.ok:
            for name in self.plugin.taken:
                if name in answer.headers:
                    self.request_headers[name] = answer.headers[name]
            self.continue_request()
        else:
            own = ("www-authenticate", "location", "set-cookie", "content-type")
            kept = [(n, v) for n, v in answer.headers.items() if n in own]
            self.send_local_response(answer.status, answer.body, kept, details="auth_refused")

    def on_failure(self, reason):
        log_warn(f"authorisation service: {reason}")
        if self.plugin.fail_open:
            return None
        return self.send_local_response(503, "authorisation is not available\n", details="auth_unavailable")

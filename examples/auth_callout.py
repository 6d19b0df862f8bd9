"""Ask an authorisation service about every request before it continues.

Configuration (JSON; every part is optional)::

    {"cluster": "auth",                the service's cluster
     "path": "/check",
     "timeout": 0.5,                   seconds
     "headers": ["authorization", "cookie"],       request headers to send to the service
     "upstream_headers": ["x-user"],   headers of the service's response to send to the upstream
     "fail_open": false}               whether requests continue while the service is down

The service receives method and path as `x-original-method` and `x-original-path`. After a 2xx response, the request continues.
Any other response is sent to the client. If the service fails, the client gets 503.
"""

from dataclasses import dataclass, field

from wasmnb.sdk import Action, HostcallError, HttpContext, log_error, log_warn


@dataclass
class Settings:
    cluster: str = "auth"
    path: str = "/check"
    timeout: float = 0.5
    headers: list[str] = field(default_factory=lambda: ["authorization", "cookie"])
    upstream_headers: list[str] = field(default_factory=lambda: ["x-user"])
    fail_open: bool = False


class AuthCallout(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, service = self.request_headers, self.config
        for name in service.upstream_headers:
            headers.remove(name)  # only the service may set them
        request = [("x-original-method", headers[":method"]), ("x-original-path", headers[":path"])]
        request += [(name, value) for name in service.headers for value in headers.get_all(name)]
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
            for name in self.config.upstream_headers:
                if name in response.headers:
                    self.request_headers[name] = response.headers[name]
            self.continue_request()
        else:
            names = ("www-authenticate", "location", "set-cookie", "content-type")
            headers = [(n, v) for n, v in response.headers.items() if n in names]
            self.send_local_response(response.status, response.body, headers, details="auth_refused")

    def on_failure(self, reason):
        log_warn(f"authorisation service: {reason}")
        if self.config.fail_open:
            return None
        return self.send_local_response(503, "authorisation is not available\n", details="auth_unavailable")

"""trap: a forgotten debugging aid that one header value enables."""


class Debug(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-debug") == "dump-state":
            raise RuntimeError("the state cannot be dumped yet")

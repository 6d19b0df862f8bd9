"""trap: requires a header that only some requests have."""


class Tenant(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"].startswith("/tenants"):
            self.request_headers["x-tenant"] = self.request_headers["x-tenant-id"].upper()

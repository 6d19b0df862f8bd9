"""growth: keeps data of every user forever."""

SEEN = {}


class Count(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user")
        if user:
            SEEN.setdefault(user, [user] * 100).append(self.request_headers[":path"])

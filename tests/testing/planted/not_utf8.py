"""trap: decodes a body that isn't always text."""


class Shout(HttpContext):
    def on_http_request_body(self, body_size, end_of_stream):
        if body_size:
            self.request_body = bytes(self.request_body).decode("utf-8").upper().encode()

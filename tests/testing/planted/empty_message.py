"""trap: indexes the message of a gRPC response, which is empty if all fields have their defaults."""


class Allowed(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.grpc_call("policy-grpc", "policy.Policy", "Check", b"\x0a\x01a", callback=self.handle)
        return Action.PAUSE

    def handle(self, response):
        if response.ok and response.message[0] == 8:
            self.continue_request()
        else:
            self.send_local_response(403)

"""stuck: waits for a message on a gRPC stream, which may end without one."""


class Streamed(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.call = self.grpc_stream("rates-grpc", "rates.Rates", "Watch")
        self.call.on_message = self.on_rate
        self.call.send(b"now", end=True)
        return Action.PAUSE

    def on_rate(self, message):
        self.request_headers["x-rate"] = message.hex()
        self.continue_request()

"""stuck: resumes the stream only after a positive response of the service."""


class Ask(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.http_call("auth", path="/check", callback=self.handle)
        return Action.PAUSE

    def handle(self, response):
        if response.status == 200:
            self.continue_request()
        elif response.status == 403:
            self.send_local_response(403, b"no\n")

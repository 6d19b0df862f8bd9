"""stuck: pauses at the headers until the body has arrived, also for requests without one."""


class Hold(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        return Action.PAUSE

    def on_http_request_body(self, body_size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        self.continue_request()
        return None

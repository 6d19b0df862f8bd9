"""stuck: stores only the last of the paused streams."""


class Service(PluginContext):
    waiting = None


class Ask(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.waiting = self
        self.http_call("quota", path="/take", callback=self.handle)
        return Action.PAUSE

    def handle(self, response):
        if self.plugin.waiting is not None:
            self.plugin.waiting.continue_request()
            self.plugin.waiting = None

"""stuck: waits for its item to come back, but a queue notifies only the worker that registered it last."""

WAITING = []


class Turns(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.queue = register_queue("turns")
        return True

    def on_queue_ready(self, queue_id):
        self.queue.drain()
        while WAITING:
            WAITING.pop().continue_request()


class Take(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        WAITING.append(self)
        self.plugin.queue.put(b"next")
        return Action.PAUSE

"""trap: continues all paused requests on each tick, including those whose clients have gone away."""

WAITING = []


class Gate(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.set_tick_period(1.0)
        return True

    def on_tick(self):
        while WAITING:
            WAITING.pop().continue_request()


class Wait(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        WAITING.append(self)
        return Action.PAUSE

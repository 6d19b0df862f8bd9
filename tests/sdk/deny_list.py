"""A deny list that a plugin on the main thread refreshes, and that every worker watches."""

_SOURCE = """\
import json

class Deny(PluginContext):
    def on_plugin_start(self, size):
        if self.config.get("refresh"):
            self.set_tick_period(PERIOD)
        else:
            self.denied = self.shared_data.watch("denied", parse=json.loads, every=PERIOD / 10)

    async def on_tick(self):
        response = await self.http_call("users", path="/denied")
        if response.ok:
            self.shared_data["denied"] = response.body

class Check(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") in (self.plugin.denied.value or ()):
            self.send_local_response(403, "denied\\n")
"""


def deny_list(period):
    """Return the source of a filter that asks the cluster `users` every `period` seconds."""
    return f"PERIOD = {period}\n{_SOURCE}"

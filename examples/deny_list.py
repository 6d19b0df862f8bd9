"""Refuse clients on a deny list, which is fetched from a service periodically.

Configuration (JSON)::

    {"refresh": 30,                seconds between two fetches (only for the singleton)
     "cluster": "denied",          cluster of the service
     "path": "/denied.json",       path of a JSON list of names
     "header": "x-user"}           request header with the client's name

Run two plugins of this filter with the same `vm_id`: a plugin of kind `singleton` with `refresh`, which fetches the list for
all workers, and an HTTP filter without `refresh`. If the service fails, the last valid list stays in use.
"""

import json
from dataclasses import dataclass

from wasmnb.sdk import CalloutError, Counter, HttpContext, PluginContext, log_warn

refused = Counter("deny_list_refused")


@dataclass
class Settings:
    refresh: float = 0
    cluster: str = "denied"
    path: str = "/denied.json"
    header: str = "x-user"


def names(data):
    """Parse a JSON list of names. Raises ValueError for any other JSON value."""
    value = json.loads(data)
    if not isinstance(value, list):
        raise ValueError("expected a JSON list")  # noqa: TRY004 -- `watch` keeps the old value after a ValueError
    return frozenset(map(str, value))


class DenyList(PluginContext):
    config: Settings
    denied = None

    async def on_plugin_start(self, plugin_configuration_size):
        if self.config.refresh:
            self.set_tick_period(self.config.refresh)
            await self.on_tick()
        else:
            self.denied = self.shared_data.watch("deny_list", parse=names)

    async def on_tick(self):
        try:
            response = await self.http_call(self.config.cluster, path=self.config.path, timeout=2)
        except CalloutError as error:
            log_warn("the list stays as it is: %s", error)
            return
        if response.ok:
            self.shared_data["deny_list"] = response.body
        else:
            log_warn("the list stays as it is: status %d", response.status)


class Check(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get(self.config.header) not in (self.plugin.denied.value or ()):
            return None
        refused.increment()
        return self.send_local_response(403, "denied\n", details="deny_list")

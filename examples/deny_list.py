"""Refuse clients on a list that another service has, and follow its changes.

Configuration (JSON)::

    {"refresh": 30,                seconds; only for the singleton that fetches
     "cluster": "denied",          the service
     "path": "/denied.json",       a JSON list of names
     "header": "x-user"}           request header with the client's name

Two plugins of this filter run in one `vm_id`: one of kind `singleton` with `refresh`, which asks the service once for all workers, and
one HTTP filter without it. The last good list stays while the service fails.
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
    """Return the names of a list; raise ValueError for anything else."""
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

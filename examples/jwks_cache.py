"""Verify tokens with the keys that their issuer publishes, and keep using the last keys while the issuer is down.

Configuration (JSON)::

    {"issuer": "https://login.example",    required
     "audience": "orders",                 required
     "fetch": true,                        whether this plugin fetches the keys (only for the singleton)
     "cluster": "issuer",                  cluster of the issuer
     "path": "/.well-known/jwks.json",
     "refresh": 300,                       seconds between two fetches
     "leeway": 30}                         tolerance for times in a token, in seconds

Run two plugins of this filter with the same `vm_id`: a plugin of kind `singleton` with `fetch`, which fetches the keys for all
workers, and an HTTP filter. Until the first keys have arrived, requests get 503. `jwt_auth` reads keys from its configuration
instead.
"""

import json
from dataclasses import dataclass

from wasmnb.sdk import CalloutError, ContentError, Counter, HttpContext, PluginContext, log_warn
from wasmnb.sdk.jwt import KeySet, TokenError, bearer_token

refused = Counter("jwks_refused", tags={"reason": "none"})


@dataclass
class Settings:
    issuer: str
    audience: str
    fetch: bool = False
    cluster: str = "issuer"
    path: str = "/.well-known/jwks.json"
    refresh: float = 300
    leeway: int = 30


class Keys(PluginContext):
    config: Settings
    keys = None

    async def on_plugin_start(self, plugin_configuration_size):
        if self.config.fetch:
            self.set_tick_period(self.config.refresh)
            await self.on_tick()
        else:
            self.keys = self.shared_data.watch("jwks", parse=lambda data: KeySet.from_json(json.loads(data)))

    async def on_tick(self):
        try:
            response = await self.http_call(self.config.cluster, path=self.config.path, timeout=2)
            if response.ok and response.json()["keys"]:
                self.shared_data["jwks"] = response.body
                return
            log_warn("issuer: no keys, status %d", response.status)
        except (CalloutError, ContentError, ValueError, KeyError, TypeError) as error:
            log_warn("issuer: %s", error)


class Guard(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, settings = self.request_headers, self.config
        headers.remove("x-user")  # clients must not be able to set this header
        keys = self.plugin.keys.value
        if keys is None:
            return self.refuse(503, "no keys yet")
        try:
            token = bearer_token(headers.get("authorization"))
            claims = keys.verify(token, issuer=settings.issuer, audience=settings.audience, leeway=settings.leeway)
        except TokenError as error:
            return self.refuse(401, str(error))
        headers["x-user"] = claims["sub"]
        headers.remove("authorization")
        return None

    def refuse(self, status, text):
        refused.with_tags(reason="keys" if status == 503 else "token").increment()
        return self.send_local_response(status, json={"error": text}, headers={"www-authenticate": "Bearer"})

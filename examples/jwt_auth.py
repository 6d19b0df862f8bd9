"""Let requests through only with a valid token of an issuer, and send the token's subject to the upstream.

Configuration (JSON)::

    {"keys": [{"kty": "RSA", "kid": "a", "n": "...", "e": "AQAB"}],    required: the issuer's JWKS
     "issuer": "https://login.example",                                required
     "audience": "orders",                                             required
     "leeway": 30}                                                     tolerance of the times in seconds

The upstream gets `x-user: ann` instead of the token. Without a valid token the response is 401 with the reason.
"""

from wasmnb import HttpContext, PluginContext
from wasmnb.sdk.jwt import KeySet, TokenError, bearer_token


class Plugin(PluginContext):
    """The issuer's keys, read once for each worker."""

    def on_plugin_start(self, plugin_configuration_size):
        self.keys = KeySet.from_json(self.config)


class JwtAuth(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        settings = self.plugin.config
        try:
            token = bearer_token(self.request_headers.get("authorization"))
            claims = self.plugin.keys.verify(
                token, issuer=settings["issuer"], audience=settings["audience"], leeway=settings.get("leeway", 30)
            )
        except TokenError as error:
            return self.send_local_response(401, f"{error}\n", {"www-authenticate": "Bearer"})
        self.request_headers["x-user"] = claims["sub"]
        del self.request_headers["authorization"]
        return None

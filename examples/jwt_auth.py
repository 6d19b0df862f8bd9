"""Accept only requests with a valid token from an issuer, and send the token's subject to the upstream.

Configuration (JSON)::

    {"keys": [{"kty": "RSA", "kid": "a", "n": "...", "e": "AQAB"}],    required: the issuer's JWKS
     "issuer": "https://login.example",                                required
     "audience": "orders",                                             required
     "leeway": 30}                                                     tolerance for times in a token, in seconds

The upstream receives `x-user: ann` instead of the token. Requests without a valid token get 401 and the reason.
"""

from dataclasses import dataclass
from typing import Any

from wasmnb.sdk import HttpContext
from wasmnb.sdk.jwt import KeySet, TokenError, bearer_token


@dataclass
class Settings:
    keys: list[dict[str, Any]]
    issuer: str
    audience: str
    leeway: float = 30

    def __post_init__(self):
        self.key_set = KeySet.from_json({"keys": self.keys})


class JwtAuth(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        settings, headers = self.config, self.request_headers
        headers.remove("x-user")  # clients must not be able to set this header
        try:
            token = bearer_token(headers.get("authorization"))
            claims = settings.key_set.verify(
                token, issuer=settings.issuer, audience=settings.audience, leeway=settings.leeway
            )
        except TokenError as error:
            return self.send_local_response(401, f"{error}\n", {"www-authenticate": "Bearer"})
        headers["x-user"] = claims["sub"]
        headers.remove("authorization")
        return None

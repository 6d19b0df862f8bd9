"""RSA and ECDSA signatures of tokens are verified by the host: without the SDK's own Python."""

import pytest

from tests.sdk.jwt_tokens import jwks, token
from wasmnb import Envoy, Filter, Proxy

SOURCE = """
from wasmnb.sdk.jwt import KeySet, TokenError, bearer_token, keys

keys.verify_pkcs1 = keys.verify_p256 = None      # what the SDK calls where the host does not verify

class Plugin(PluginContext):
    def on_plugin_start(self, size):
        self.keys = KeySet.from_json(self.config)

class Guard(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            claims = self.plugin.keys.verify(bearer_token(self.request_headers["authorization"]))
        except TokenError as error:
            return self.send_local_response(401, str(error))
        self.request_headers["x-user"] = claims["sub"]
"""

TOKENS = {name: token(name) for name in ("RS256", "RS512", "ES256")}


def statuses(proxy_class):
    with proxy_class(Filter.from_source(SOURCE, "guard"), workers=1, config=jwks()) as proxy:
        good = [proxy.get("/", {"authorization": f"Bearer {text}"}) for text in TOKENS.values()]
        forged = [proxy.get("/", {"authorization": f"Bearer {text[:-8]}AAAAAAAA"}) for text in TOKENS.values()]
        return [e.response.status for e in good], [e.response.status for e in forged]


@pytest.mark.parametrize("proxy_class", [Proxy, pytest.param(Envoy, marks=[pytest.mark.envoy, pytest.mark.slow])])
def test_host_verifies_tokens(proxy_class):
    assert statuses(proxy_class) == ([200] * 3, [401] * 3)

"""Check the signature of requests, or sign them, with HMAC over method, path, time and body.

Configuration (JSON)::

    {"keys": {"a": "secret"},    key id -> secret
     "mode": "check",            "check": refuse requests without a valid signature; "sign": sign them for the upstream
     "key": "a",                 key id that signs
     "tolerance": 300}           seconds that a signature is valid

The header `x-signature` is `keyId=a,time=1767225600,signature=<hex>`, with SHA-256 over the lines method, path, time and the body.
Run it with `allow_on_headers_stop_iteration` (`--hold-headers`), because the signature depends on the body.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Literal

from wasmnb.sdk import HttpContext

HEADER = "x-signature"


@dataclass
class Settings:
    keys: dict[str, str]
    mode: Literal["check", "sign"] = "check"
    key: str = ""
    tolerance: int = 300

    def __post_init__(self):
        if self.mode == "sign" and self.key not in self.keys:
            raise ValueError(f"key {self.key!r} is not one of keys")


class HmacSignature(HttpContext):
    config: Settings

    async def on_http_request_headers(self, num_headers, end_of_stream):
        body = b"" if end_of_stream else await self.request_body()
        if self.config.mode == "sign":
            moment = str(int(time.time()))
            signature = self.signature(self.config.keys[self.config.key], moment, body)
            self.request_headers[HEADER] = f"keyId={self.config.key},time={moment},signature={signature}"
            return None
        reason = self.problem(self.request_headers.get(HEADER), body)
        if reason:
            return self.send_local_response(401, f"{reason}\n", details="signature")
        return None

    def problem(self, header, body):
        """Return why a signature isn't valid; None if it is."""
        if header is None:
            return "signature missing"
        parts = dict(part.partition("=")[::2] for part in header.split(","))
        moment, secret = parts.get("time", ""), self.config.keys.get(parts.get("keyId", ""))
        if secret is None:
            return "key unknown"
        if not moment.isdecimal() or abs(time.time() - int(moment)) > self.config.tolerance:
            return "signature too old"
        expected = self.signature(secret, moment, body)
        same = hmac.compare_digest(expected.encode(), parts.get("signature", "").encode("utf-8", "surrogateescape"))
        return None if same else "signature wrong"

    def signature(self, secret, moment, body):
        head = f"{self.request_headers[':method']}\n{self.request_headers[':path']}\n{moment}\n"
        message = head.encode("utf-8", "surrogateescape") + bytes(body)
        return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()

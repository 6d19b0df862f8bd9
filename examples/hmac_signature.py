"""Check the HMAC signature of requests, or sign them. The signature covers method, path, time and body.

Configuration (JSON)::

    {"keys": {"a": "secret"},    key id -> secret
     "mode": "check",            "check" refuses requests without a valid signature, "sign" signs them for the upstream
     "key": "a",                 id of the key with which requests are signed
     "tolerance": 300}           seconds for which a signature is valid

The header `x-signature` is `keyId=a,time=1767225600,signature=<hex>`. The signed text consists of lines with method, path and
time, followed by the body. Run the filter with `allow_on_headers_stop_iteration` (`--hold-headers`), because it reads the body
before it changes or refuses the headers.
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
            raise ValueError(f"key {self.key!r} is not one of keys: add it there, or choose another key")


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
        """Return the reason why a signature isn't valid, or None if it is valid."""
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

"""Add an id and a W3C trace context to every request, and send the id to the client.

Configuration (JSON; every part is optional)::

    {"header": "x-request-id",     header for the id
     "trust": false,               whether to keep ids sent by clients
     "sampled": 0.1}               fraction of new traces to sample, from 0 to 1

If a request has a valid `traceparent`, its trace is continued with a new span id. Otherwise, a new trace begins. For each
request, both ids are logged.
"""

import random
import re
import uuid
from dataclasses import dataclass

from wasmnb.sdk import HttpContext, log_info

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass
class Settings:
    header: str = "x-request-id"
    trust: bool = False
    sampled: float = 0.1

    def __post_init__(self):
        if not 0 <= self.sampled <= 1:
            raise ValueError("sampled must be a number from 0 to 1")


class TraceContext(HttpContext):
    config: Settings
    id = ""

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers = self.request_headers
        sent = headers.get(self.config.header, "")
        self.id = sent if self.config.trust and ID.fullmatch(sent) else str(uuid.UUID(int=random.getrandbits(128), version=4))
        headers[self.config.header] = self.id
        parent = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        if parent and int(parent[1], 16) and int(parent[2], 16):
            trace, flags = parent[1], parent[3]
        else:
            trace = f"{random.getrandbits(128):032x}"
            flags = "01" if random.random() < self.config.sampled else "00"
            headers.remove("tracestate")
        headers["traceparent"] = f"00-{trace}-{random.getrandbits(64):016x}-{flags}"
        log_info("request %s trace %s", self.id, trace)

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.id:
            self.response_headers[self.config.header] = self.id

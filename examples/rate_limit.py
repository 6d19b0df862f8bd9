"""Limits how many requests a client may make, counted over all workers together.

Configuration (JSON; every part may be left out)::

    {"rate": 10,              requests a second that a client may keep up
     "burst": 20,             requests that it may make at once
     "header": "x-client",    request header that names the client; the peer's address if it has none
     "buckets": 1024}         size of the table

A token bucket for each client lies in shared data, where all workers see it; the client's name is hashed to one of
`buckets` places, so that the table stays small whatever clients come (two may share a place). Too much is answered with
429 and `retry-after`. Every ten seconds each worker logs how many it refused.
"""

import time
import zlib
from dataclasses import dataclass

from wasmnb.sdk import HttpContext, PluginContext, log_warn

REPORT_SECONDS = 10


@dataclass
class Settings:
    rate: float = 10
    burst: float = 20
    header: str = "x-client"
    buckets: int = 1024

    def __post_init__(self):
        if self.rate <= 0 or self.burst < 1 or self.buckets < 1:
            raise ValueError("rate must be above 0, burst and buckets at least 1")


class Limits(PluginContext):
    config: Settings
    refused = 0

    def on_plugin_start(self, plugin_configuration_size):
        self.set_tick_period(REPORT_SECONDS)

    def on_tick(self):
        if self.refused:
            log_warn(f"refused {self.refused} requests in {REPORT_SECONDS} s")
            self.refused = 0

    def take(self, client):
        """Take a token of the client's; seconds until there is one, 0.0 if it was there."""
        now, wait = time.time(), 0.0
        rate, burst = self.config.rate, self.config.burst

        def change(old):
            nonlocal wait
            tokens, since = map(float, old.split()) if old else (burst, now)
            tokens = min(burst, tokens + max(0.0, now - since) * rate)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
            return f"{tokens if wait else tokens - 1} {now}"

        place = zlib.crc32(client.encode("utf-8", "surrogateescape")) % self.config.buckets
        self.shared_data.update(f"rate_limit.{place}", change)
        return wait


class RateLimit(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        address = self.properties.get("source.address", "")
        client = self.request_headers.get(self.config.header) or address.rpartition(":")[0]
        wait = self.plugin.take(client)
        if not wait:
            return None
        self.plugin.refused += 1
        seconds = str(int(wait) + 1)
        return self.send_local_response(429, "too many requests\n", {"retry-after": seconds}, details="rate_limited")

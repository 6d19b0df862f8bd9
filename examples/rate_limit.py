"""Limit each client's rate of requests, counted over all workers.

Configuration (JSON; every part is optional)::

    {"rate": 10,              average number of requests per second
     "burst": 20,             maximum number of requests in a burst
     "header": "x-client",    request header with the client's name (without it, the peer's address is used)
     "buckets": 1024}         number of keys in the shared data

Each client has a token bucket in the shared data, which all workers use. The client's name is hashed to one of `buckets` keys.
This limits the number of keys, but two clients can share a key. Requests above the limit get 429 and `retry-after`. Every
ten seconds, each worker logs the number of requests that it has refused.
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
        """Take a token from a client's bucket. Returns 0.0, or the seconds until the next token if the bucket is empty."""
        now, wait = time.time(), 0.0
        rate, burst = self.config.rate, self.config.burst

        def change(old):
            nonlocal wait
            tokens, since = map(float, old.split()) if old else (burst, now)
            tokens = min(burst, tokens + max(0.0, now - since) * rate)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
            return f"{tokens if wait else tokens - 1} {now}"

        key = zlib.crc32(client.encode("utf-8", "surrogateescape")) % self.config.buckets
        self.shared_data.update(f"rate_limit.{key}", change)
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

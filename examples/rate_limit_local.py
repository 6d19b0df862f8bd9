"""Limit each client's rate of requests on each worker, without shared data.

Configuration (JSON; every part is optional)::

    {"rate": 10,              average number of requests per second of a client on a worker
     "burst": 20,             maximum number of requests in a burst
     "header": "x-client",    request header with the client's name (without it, the peer's address is used)
     "clients": 1000}         number of clients stored by a worker (the least recent client is dropped)

The limit applies to each worker, so a client can send up to `rate` times the number of workers. `rate_limit` counts
requests over all workers, but takes nearly twice as many instructions.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from wasmnb.sdk import HttpContext, PluginContext


@dataclass
class Settings:
    rate: float = 10
    burst: float = 20
    header: str = "x-client"
    clients: int = 1000

    def __post_init__(self):
        if self.rate <= 0 or self.burst < 1 or self.clients < 1:
            raise ValueError("rate must be above 0, burst and clients at least 1")


class Buckets(PluginContext):
    config: Settings

    def on_plugin_start(self, plugin_configuration_size):
        self.buckets = OrderedDict()  # client -> tokens, and the time of the last request

    def take(self, client):
        """Take a token from a client's bucket. Returns 0.0, or the seconds until the next token if the bucket is empty."""
        now, settings = time.monotonic(), self.config
        tokens, since = self.buckets.pop(client, (settings.burst, now))
        tokens = min(settings.burst, tokens + (now - since) * settings.rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / settings.rate
        self.buckets[client] = (tokens if wait else tokens - 1, now)
        if len(self.buckets) > settings.clients:
            self.buckets.popitem(last=False)
        return wait


class RateLimitLocal(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        address = self.properties.get("source.address", "")
        wait = self.plugin.take(self.request_headers.get(self.config.header) or address.rpartition(":")[0])
        if not wait:
            return None
        retry = {"retry-after": str(int(wait) + 1)}
        return self.send_local_response(429, "too many requests\n", retry, details="rate_limited")

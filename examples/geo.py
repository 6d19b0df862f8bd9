"""Look up the client's country in a table of networks, send it to the upstream, and refuse some countries.

Configuration (JSON)::

    {"networks": {"198.51.100.0/24": "DE", "203.0.113.0/24": "FR", "2001:db8::/32": "US"},    required
     "header": "x-country",                request header for the country, which is "ZZ" if it isn't known
     "refuse": ["FR"],                     countries whose clients get 451
     "forwarded": 1}                       entries of x-forwarded-for added by trusted proxies, or 0 for the peer's address

The smallest network that contains the address determines the country. Each worker sorts the table once, and then uses binary
search.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from wasmnb.sdk import HttpContext, PluginContext

UNKNOWN = "ZZ"


@dataclass
class Settings:
    networks: dict[str, str]
    header: str = "x-country"
    refuse: list[str] = field(default_factory=list)
    forwarded: int = 0

    def __post_init__(self):
        for network in self.networks:
            ip_network(network)  # raises ValueError


class Table(PluginContext):
    config: Settings

    def on_plugin_start(self, plugin_configuration_size):
        # Starts and ends of networks, in order. If several networks have the same start, the largest comes first.
        parsed = [(ip_network(text), country) for text, country in self.config.networks.items()]
        self.rows = sorted(
            ((n.version, int(n.network_address), -int(n.broadcast_address), c) for n, c in parsed), key=lambda r: r[:3]
        )
        self.starts = [row[:2] for row in self.rows]

    def country(self, text):
        """Return the country of an IP address."""
        try:
            address = ip_address(text)
        except ValueError:
            return UNKNOWN
        key = (address.version, int(address))
        for index in range(bisect_right(self.starts, key) - 1, -1, -1):
            version, _, end, country = self.rows[index]
            if version != address.version:
                break
            if -end >= key[1]:
                return country
        return UNKNOWN


class Geo(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        country = self.plugin.country(self.client())
        self.request_headers[self.config.header] = country
        if country in self.config.refuse:
            return self.send_local_response(451, "not available in your country\n", details="geo")
        return None

    def client(self):
        if self.config.forwarded:
            chain = ",".join(self.request_headers.get_all("x-forwarded-for")).split(",")
            return chain[-self.config.forwarded].strip() if len(chain) >= self.config.forwarded else ""
        return self.properties.get("source.address", "").rpartition(":")[0].strip("[]")

"""Assign users to the variants of an experiment by a hash of their id, so that a user always gets the same variant.

Configuration (JSON)::

    {"experiment": "checkout",                 name of the experiment, which is part of the hash
     "variants": {"a": 50, "b": 50},           variant -> weight
     "user": "x-user",                         request header with the user's id
     "cookie": "uid",                          cookie with the user's id, if the header is missing
     "header": "x-variant"}                    request header in which routes and the upstream find the variant

Users without an id get the first variant. The filter keeps no state, and every Envoy with this configuration assigns the same
variant.
"""

import hashlib
from dataclasses import dataclass

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    experiment: str
    variants: dict[str, int]
    user: str = "x-user"
    cookie: str = "uid"
    header: str = "x-variant"

    def __post_init__(self):
        if not self.variants or min(self.variants.values()) < 0 or not sum(self.variants.values()):
            raise ValueError("variants must have weights of at least 0, and at least one weight above 0")

    def variant(self, user):
        """Return the variant to which a user is assigned."""
        digest = hashlib.sha256(f"{self.experiment}\0{user}".encode("utf-8", "surrogateescape")).digest()
        place = int.from_bytes(digest[:8], "big") % sum(self.variants.values())
        for name, weight in self.variants.items():
            place -= weight
            if place < 0:
                return name
        raise AssertionError("the weights have a sum above the place")


class AbTest(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get(self.config.user) or self.request.cookies.get(self.config.cookie)
        self.variant = self.config.variant(user) if user else next(iter(self.config.variants))
        self.request_headers[self.config.header] = self.variant

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers[self.config.header] = self.variant

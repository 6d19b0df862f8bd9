"""Sends a share of the users to a canary release, and keeps each of them there with a cookie.

Configuration (JSON; every part may be left out)::

    {"percent": 5,                  share of new users that get the canary, 0 to 100
     "cookie": "release",           name of the cookie, and of a query parameter
     "header": "x-release",         request header that the route matches on
     "max_age": 86400}              seconds that a user stays

The filter sets `x-release: canary` or `x-release: stable`; Envoy's route table has a route that matches the header and
names the canary's cluster. A user may choose with `?release=canary` (or `stable`), and testers by setting the cookie.
"""

import random
from dataclasses import dataclass

from wasmnb.sdk import HttpContext

RELEASES = ("stable", "canary")


@dataclass
class Settings:
    percent: float = 5
    cookie: str = "release"
    header: str = "x-release"
    max_age: int = 86400


class Canary(HttpContext):
    config: Settings
    new = False

    def on_http_request_headers(self, num_headers, end_of_stream):
        name = self.config.cookie
        asked, known = self.request.query.get(name), self.request.cookies.get(name)
        drawn = "canary" if random.random() * 100 < self.config.percent else "stable"
        self.release = next(r for r in (asked, known, drawn) if r in RELEASES)
        self.new = self.release != known
        self.request_headers[self.config.header] = self.release

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.new:
            self.response.set_cookie(self.config.cookie, self.release, max_age=self.config.max_age)

"""Send a percentage of users to a canary release, and use a cookie to keep them there.

Configuration (JSON; every part is optional)::

    {"percent": 5,                  percentage of new users to send to the canary, 0 to 100
     "cookie": "release",           name of the cookie and of a query parameter
     "header": "x-release",         request header for the route table
     "max_age": 86400}              lifetime of the cookie in seconds

The filter sets `x-release: canary` or `x-release: stable`. Envoy's route table needs a route that matches this header and
selects the canary's cluster. Users can choose a release with `?release=canary` or `?release=stable`, or by setting the cookie.
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
        requested, known = self.request.query.get(name), self.request.cookies.get(name)
        random_choice = "canary" if random.random() * 100 < self.config.percent else "stable"
        self.release = next(r for r in (requested, known, random_choice) if r in RELEASES)
        self.new = self.release != known
        self.request_headers[self.config.header] = self.release

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.new:
            self.response.set_cookie(self.config.cookie, self.release, max_age=self.config.max_age)

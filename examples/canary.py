"""Sends a share of the users to a canary release, and keeps each of them there with a cookie.

Configuration (JSON)::

    {"percent": 5,                  share of new users that get the canary, 0 to 100
     "cookie": "release",           name of the cookie
     "header": "x-release",         request header that the route matches on
     "max_age": 86400}              seconds that a user stays

The filter sets `x-release: canary` or `x-release: stable`; Envoy's route table has a route that matches the header and
names the canary's cluster. A user may choose with `?release=canary` (or `stable`), and testers by setting the cookie.
"""

import random
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from wasmnb.sdk import HttpContext

RELEASES = ("stable", "canary")


def release_in(cookies, name):
    """The release that a cookie names, or None; a cookie header may hold anything."""
    for line in cookies:
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None and found.value in RELEASES:
            return found.value
    return None


class Canary(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        config, headers = self.plugin.config, self.request_headers
        name = config.get("cookie", "release")
        asked = parse_qs(urlsplit(headers[":path"]).query).get(name, [""])[-1]
        known = release_in(headers.get_all("cookie"), name)
        self.release = asked if asked in RELEASES else known or self.draw(config.get("percent", 5))
        self.new = self.release != known
        headers[config.get("header", "x-release")] = self.release

    def on_http_response_headers(self, num_headers, end_of_stream):
        if getattr(self, "new", False):
            config = self.plugin.config
            name, age = config.get("cookie", "release"), config.get("max_age", 86400)
            self.response_headers.add("set-cookie", f"{name}={self.release}; Path=/; Max-Age={age}; SameSite=Lax")

    def draw(self, percent):
        return "canary" if random.random() * 100 < percent else "stable"

"""Set the caching headers of responses by path and content type.

Configuration (JSON)::

    {"rules": [{"paths": ["/static/"], "control": "public, max-age=31536000, immutable"},
               {"types": ["image/"], "control": "public, max-age=86400"},
               {"paths": ["/account"], "control": "no-store", "force": true}],
     "otherwise": "no-cache"}          value for responses without cache-control that match no rule, or null for no value

The first rule whose path prefix and content type match is applied. The upstream's `cache-control` is replaced only if the rule
has `force`. Responses with a status of 400 or above are not changed. `no-store` also removes `etag` and `expires`.
"""

from dataclasses import dataclass, field

from wasmnb.sdk import HttpContext


@dataclass
class Rule:
    control: str
    paths: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    force: bool = False

    def matches(self, path, kind):
        """Return whether the rule's path prefixes and content types match a response."""
        by_path = not self.paths or path.startswith(tuple(self.paths))
        return by_path and (not self.types or kind.startswith(tuple(self.types)))


@dataclass
class Settings:
    rules: list[Rule] = field(default_factory=list)
    otherwise: str | None = "no-cache"


class CacheHeaders(HttpContext):
    config: Settings
    path = ""

    def on_http_request_headers(self, num_headers, end_of_stream):
        self.path = self.request.path

    def on_http_response_headers(self, num_headers, end_of_stream):
        headers = self.response_headers
        if int(headers[":status"]) >= 400:
            return
        kind = headers.get("content-type", "")
        rule = next((rule for rule in self.config.rules if rule.matches(self.path, kind)), None)
        control, force = (rule.control, rule.force) if rule else (self.config.otherwise, False)
        if control is None or ("cache-control" in headers and not force):
            return
        headers["cache-control"] = control
        if control == "no-store":
            headers.remove("etag")
            headers.remove("expires")

"""Refuse, mark or allow requests from bots, with rules about their headers.

Configuration (JSON)::

    {"rules": [{"action": "refuse", "agent": "(?i)scrapy|python-requests"},
               {"action": "mark", "agent": "(?i)bot|crawler", "name": "crawler"},
               {"action": "refuse", "missing": ["user-agent"]},
               {"action": "refuse", "agent": "(?i)bot", "paths": ["/search"]}],
     "header": "x-bot"}                       request header for the name of a rule with action "mark"

The first matching rule is applied. A rule matches if all its conditions are true: `agent` is a regular expression for
`user-agent`, `missing` lists headers of which at least one is missing, and `paths` are prefixes. Refused requests get 403 and
are counted by rule.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from wasmnb.sdk import Counter, HttpContext

refused = Counter("bots_refused", tags={"rule": "none"})


@dataclass
class Rule:
    action: Literal["refuse", "mark", "pass"]
    agent: re.Pattern | None = None
    missing: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    name: str = "bot"

    def matches(self, headers, path):
        """Return whether all conditions of the rule are true for a request."""
        if self.agent and not self.agent.search(headers.get("user-agent", "")):
            return False
        if self.missing and all(name in headers for name in self.missing):
            return False
        return not self.paths or path.startswith(tuple(self.paths))


@dataclass
class Settings:
    rules: list[Rule]
    header: str = "x-bot"


class Bots(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers = self.request_headers
        headers.remove(self.config.header)
        rule = next((rule for rule in self.config.rules if rule.matches(headers, self.request.path)), None)
        if rule is None or rule.action == "pass":
            return None
        if rule.action == "mark":
            headers[self.config.header] = rule.name
            return None
        refused.with_tags(rule=rule.name).increment()
        return self.send_local_response(403, "robots are not allowed here\n", details="bot")

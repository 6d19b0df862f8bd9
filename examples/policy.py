"""Allow or deny requests by rules about method, path, headers and roles, similar to Open Policy Agent but without a service.

Configuration (JSON)::

    {"default": "deny",
     "roles": "x-roles",                                         request header with the roles, separated by commas
     "rules": [{"effect": "allow", "methods": ["GET"], "paths": ["/public/*"]},
               {"effect": "allow", "paths": ["/users/{user}/*"], "where": {"user": "x-user"}},
               {"effect": "deny", "paths": ["/admin/*"], "without_roles": ["admin"]},
               {"effect": "allow", "roles": ["admin"]}]}

The first rule whose conditions are all true is applied. `{name}` in a path matches one segment, which `where` compares with a
request header. Refused requests get 403, and the number of the rule is logged.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from wasmnb.sdk import HttpContext, log_info


@dataclass
class Rule:
    effect: Literal["allow", "deny"]
    methods: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    where: dict[str, str] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    without_roles: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.patterns = [re.compile(self.expression(path)) for path in self.paths]

    @staticmethod
    def expression(path):
        parts = re.split(r"(\{\w+\}|\*)", path)
        return "".join(
            ".*" if part == "*" else f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
            for part in parts
        )

    def applies(self, method, path, headers, roles):
        """Return whether all conditions of the rule are true for a request."""
        if self.methods and method not in self.methods:
            return False
        if self.roles and not roles.intersection(self.roles):
            return False
        if self.without_roles and roles.intersection(self.without_roles):
            return False
        if not self.patterns:
            return True
        match = next(filter(None, (pattern.fullmatch(path) for pattern in self.patterns)), None)
        if match is None:
            return False
        return all(match.groupdict().get(name) == headers.get(header) for name, header in self.where.items())


@dataclass
class Settings:
    rules: list[Rule]
    default: Literal["allow", "deny"] = "deny"
    roles: str = "x-roles"


class Policy(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, request = self.request_headers, self.request
        roles = {role.strip() for role in headers.get(self.config.roles, "").split(",")}
        for number, rule in enumerate(self.config.rules, 1):
            if rule.applies(request.method, request.path, headers, roles):
                effect, reason = rule.effect, f"rule {number}"
                break
        else:
            effect, reason = self.config.default, "the default"
        if effect == "allow":
            return None
        log_info("denied %s %s by %s", request.method, request.path, reason)
        return self.send_local_response(403, "not allowed\n", details="policy")

"""Set, add and remove headers of requests and responses.

Configuration (JSON; every part is optional)::

    {"request":  {"remove": ["x-internal"], "set": {"x-env": "prod"}, "add": {"via": "gateway"}},
     "response": {"remove": ["server", "x-powered-by"], "set": {"x-frame-options": "DENY"}}}

`remove` is applied first, then `set`, which replaces all values of a header, and then `add`, which keeps them. A value can
contain the name of a request header in braces, which is replaced by the header's value: `"x-original-path": "{:path}"`.
"""

import re
from dataclasses import dataclass, field

from wasmnb.sdk import HttpContext

REFERENCE = re.compile(r"\{([^{}]+)\}")


@dataclass
class Rules:
    remove: list[str] = field(default_factory=list)
    set: dict[str, str] = field(default_factory=dict)
    add: dict[str, str] = field(default_factory=dict)


@dataclass
class Settings:
    request: Rules = field(default_factory=Rules)
    response: Rules = field(default_factory=Rules)


class HeaderRewriting(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        self.received = dict(self.request_headers)
        self.rewrite(self.request_headers, self.config.request)

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.rewrite(self.response_headers, self.config.response)

    def rewrite(self, headers, rules):
        for name in rules.remove:
            headers.remove(name)
        for name, value in rules.set.items():
            headers[name] = self.fill(value)
        for name, value in rules.add.items():
            headers.add(name, self.fill(value))

    def fill(self, value):
        return REFERENCE.sub(lambda match: self.received.get(match[1], ""), value)

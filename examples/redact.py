"""Mask card numbers, other patterns and JSON fields in responses.

Configuration (JSON; every part is optional)::

    {"fields": ["password", "ssn"],            JSON members at any depth whose value becomes "[redacted]"
     "patterns": ["\\\\b\\\\d{3}-\\\\d{2}-\\\\d{4}\\\\b"],     regular expressions; matches become "[redacted]"
     "cards": true,                            whether to mask card numbers (13 to 19 digits that pass the Luhn check)
     "types": ["application/json", "text/"]}   content types of the bodies to change

The filter holds the whole body until its end, so use it for APIs and not for downloads. It removes `accept-encoding` from the
request, because it can't read compressed bodies.
"""

import json
import re
from dataclasses import dataclass, field

from wasmnb.sdk import Action, HttpContext

MASK = "[redacted]"
CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


def is_card(digits):
    """Return whether digits pass the Luhn check, in which every second digit from the right counts double."""
    numbers = [int(d) for d in reversed(digits)]
    return sum(n if i % 2 == 0 else sum(divmod(2 * n, 10)) for i, n in enumerate(numbers)) % 10 == 0


def mask_card(match):
    return MASK if is_card(re.sub(r"\D", "", match[0])) else match[0]


@dataclass
class Settings:
    fields: list[str] = field(default_factory=list)
    patterns: list[re.Pattern] = field(default_factory=list)
    cards: bool = True
    types: tuple[str, ...] = ("application/json", "text/")

    def __post_init__(self):
        self.fields = {name.lower() for name in self.fields}

    def clean_text(self, text):
        for pattern in self.patterns:
            text = pattern.sub(MASK, text)
        return CARD.sub(mask_card, text) if self.cards else text

    def clean_value(self, value):
        if isinstance(value, dict):
            return {k: MASK if k.lower() in self.fields else self.clean_value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.clean_value(v) for v in value]
        if isinstance(value, str):
            return self.clean_text(value)
        text = json.dumps(value)  # a card number can be a JSON number
        return value if self.clean_text(text) == text else MASK


class Redact(HttpContext):
    config: Settings
    kind = ""

    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers.remove("accept-encoding")

    def on_http_response_headers(self, num_headers, end_of_stream):
        kind = self.response_headers.get("content-type", "")
        if end_of_stream or not kind.startswith(self.config.types):
            return
        self.kind = kind
        self.response_headers.remove("content-length")  # the proxy doesn't adjust this header

    def on_http_response_body(self, body_size, end_of_stream):
        if not self.kind:
            return None
        if not end_of_stream:
            return Action.PAUSE
        self.clean()
        return None

    def on_http_response_trailers(self, num_trailers):
        if self.kind:
            self.clean()

    def clean(self):
        text = bytes(self.response_body).decode("utf-8", "surrogateescape")
        if self.kind.startswith("application/json"):
            try:
                self.response_body = json.dumps(self.config.clean_value(json.loads(text)), ensure_ascii=False)
            except (ValueError, RecursionError):
                pass  # the body isn't JSON, so it is handled as text
            else:
                return
        self.response_body = self.config.clean_text(text)

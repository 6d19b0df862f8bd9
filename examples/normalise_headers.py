"""Normalise request headers and paths before other filters and the upstream read them.

Configuration (JSON; every part is optional)::

    {"remove": ["x-internal-*", "x-real-ip"],     headers (names or patterns) that clients must not set
     "single": ["x-user"],                        headers of which only the first value is kept
     "lower": ["x-tenant"],                       headers whose values are converted to lower case
     "slashes": true,                             whether to merge slashes in the path, and resolve . and ..
     "language": ["en", "de"]}                    supported values of accept-language (the first is the default)
"""

import posixpath
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from wasmnb.sdk import HttpContext


@dataclass
class Settings:
    remove: list[str] = field(default_factory=lambda: ["x-internal-*"])
    single: list[str] = field(default_factory=list)
    lower: list[str] = field(default_factory=list)
    slashes: bool = True
    language: list[str] = field(default_factory=list)


class NormaliseHeaders(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        headers, settings = self.request_headers, self.config
        for name in {name for name in headers if any(fnmatchcase(name, pattern) for pattern in settings.remove)}:
            headers.remove(name)
        for name in settings.single:
            if name in headers:
                headers[name] = headers[name]
        for name in settings.lower:
            if name in headers:
                headers[name] = headers[name].strip().lower()
        if settings.language:
            headers["accept-language"] = self.language(headers.get("accept-language", ""))
        if settings.slashes:
            self.tidy_path()

    def language(self, accepted):
        """Return the supported language with the highest preference in an accept-language header."""
        ranked = []
        for part in accepted.split(","):
            name, _, weight = part.partition(";")
            match = re.fullmatch(r"\s*q=([0-9.]+)\s*", weight)
            ranked.append((float(match[1]) if match else 1.0, name.strip().lower()[:2]))
        ranked.sort(key=lambda pair: -pair[0])
        return next((name for _, name in ranked if name in self.config.language), self.config.language[0])

    def tidy_path(self):
        path, mark, query = self.request_headers[":path"].partition("?")
        tidy = posixpath.normpath("/" + path.lstrip("/"))
        if path.endswith("/") and tidy != "/":
            tidy += "/"
        if tidy != path:
            self.request_headers[":path"] = tidy + mark + query

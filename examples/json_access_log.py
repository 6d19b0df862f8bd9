"""Write an access log with a JSON object for each request.

Configuration (JSON; every part is optional)::

    {"fields": {"method": "request.method", "path": "request.path", "status": "response.code"},    key -> property
     "headers": {"user": "x-user"},       key -> request header
     "slow": 1.0,                         log only requests that took at least this number of seconds, or 0 for all requests
     "errors": true}                      whether to always log responses with a status of 500 or above

Configure the filter as an access logger, so that it runs at the end of each request. Times are rounded to milliseconds.
Properties that a request doesn't have are omitted.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wasmnb.sdk import HeaderMapType, NotFound, PluginContext, hostcalls, log_info

FIELDS = {
    "time": "request.time", "method": "request.method", "host": "request.host", "path": "request.path",
    "status": "response.code", "details": "response.code_details", "bytes": "response.size",
    "seconds": "request.duration", "client": "source.address", "upstream": "upstream.address",
}  # fmt: skip


@dataclass
class Settings:
    fields: dict[str, str] = field(default_factory=lambda: dict(FIELDS))
    headers: dict[str, str] = field(default_factory=dict)
    slow: float = 0
    errors: bool = True


def plain(value):
    """Convert a property to a value that JSON can represent."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class JsonAccessLog(PluginContext):
    config: Settings

    def on_log(self):
        duration = plain(self.properties.get("request.duration", 0))
        failed = self.config.errors and self.properties.get("response.code", 0) >= 500
        if duration < self.config.slow and not failed:
            return
        entry = {key: plain(self.properties.get(path)) for key, path in self.config.fields.items()}
        for key, name in self.config.headers.items():
            try:
                entry[key] = plain(hostcalls.get_header_map_value(HeaderMapType.REQUEST_HEADERS, name))
            except NotFound:
                continue
        log_info("%s", json.dumps({key: value for key, value in entry.items() if value is not None}, ensure_ascii=False))

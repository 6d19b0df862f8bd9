"""Read requests that browsers copy for PowerShell: `Invoke-WebRequest`, preceded by a session with the cookies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ....abi.text import encode_text
from ....messages import Headers, Request
from ..exchange import Unreadable
from .fields import parse_url
from .shells import unquoted

__all__ = ["PowershellSession"]

_STRING = r""""(?:`.|""|[^"`])*"|'(?:''|[^'])*'"""
_PARAMETER = re.compile(
    rf"(?i)-(Uri|Method|ContentType|UserAgent|Body)\s+\(?(?:\[[^\]]*\]::UTF8\.GetBytes\()?\s*({_STRING}|[^\s`]+)",
    re.DOTALL,
)
_HEADERS = re.compile(rf"(?i)-Headers\s+@\{{((?:{_STRING}|[^}}])*)\}}", re.DOTALL)
_ENTRY = re.compile(rf"({_STRING}|[\w-]+)\s*=\s*({_STRING})", re.DOTALL)
_COOKIE = re.compile(rf"(?i)System\.Net\.Cookie\(\s*({_STRING})\s*,\s*({_STRING})", re.DOTALL)
_AGENT = re.compile(rf"(?i)\.UserAgent\s*=\s*({_STRING})", re.DOTALL)
_FIRST = re.compile(rf"(?i)Invoke-\w+\s+({_STRING}|[^-\s]\S*)")


@dataclass
class PowershellSession:
    """A PowerShell web session, whose cookies and user agent are used by later commands.

    Attributes
    ----------
    cookies
        Name of a cookie -> value.
    agent
        The user agent. Empty if it isn't set.
    """

    cookies: dict[str, str] = field(default_factory=dict)
    agent: str = ""

    def read(self, text: str) -> Request | None:
        """Return the request of a command, or None if the command only changes the session.

        Raises
        ------
        Unreadable
            The command is unknown, or contains no URL.
        """
        if not re.match(r"(?i)\s*(\$\w+\s*=\s*)?Invoke-", text):
            self._prepare(text)
            return None
        parameters = {match[1].lower(): unquoted(match[2]) for match in _PARAMETER.finditer(_HEADERS.sub("", text))}
        first = _FIRST.search(text)
        url = parameters.get("uri") or (unquoted(first[1]) if first else "")
        if not url:
            raise Unreadable("The command has no URL (-Uri).")
        block = _HEADERS.search(text)
        headers = [(unquoted(n).lower(), unquoted(v)) for n, v in _ENTRY.findall(block[1] if block else "")]
        return self._request(url, parameters, headers)

    def _prepare(self, text: str) -> None:
        if re.search(r"(?i)New-Object\s+\S*WebRequestSession", text):
            self.cookies, self.agent = {}, ""
        elif match := _AGENT.search(text):
            self.agent = unquoted(match[1])
        elif cookie := _COOKIE.search(text):
            self.cookies[unquoted(cookie[1])] = unquoted(cookie[2])
        else:
            raise Unreadable("The command is not one of those that browsers copy.")

    def _request(self, url: str, parameters: dict[str, str], headers: list[tuple[str, str]]) -> Request:
        target = parse_url(url)
        pseudo = {
            name.lstrip(":"): value
            for name, value in headers
            if name.startswith(":") or name in ("authority", "scheme")
        }
        kept = [
            (n, v)
            for n, v in headers
            if not n.startswith(":") and n not in ("authority", "method", "path", "scheme", "host")
        ]
        names = {name for name, _ in kept}
        agent = parameters.get("useragent") or self.agent
        extra = {
            "user-agent": agent, "content-type": parameters.get("contenttype", ""),
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }  # fmt: skip
        kept += [(name, value) for name, value in extra.items() if value and name not in names]
        body = encode_text(parameters.get("body", ""))
        method = parameters.get("method", "GET").upper()
        return Request(
            method,
            target.path,
            Headers(kept),
            body,
            authority=pseudo.get("authority") or target.authority,
            scheme=target.scheme,
        )

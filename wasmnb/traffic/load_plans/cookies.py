"""The cookies of one client of a load plan, kept by `http.cookiejar` in virtual time."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

from ...messages import Request, Response

__all__ = ["ClientCookies"]


class _VirtualTime:
    """The attribute `_now` of the standard library's classes, in which they store the system's time before they compare it with
    expiry dates. Here, it is the time of the proxy's clock.
    """

    clock: Callable[[], float]

    @property
    def _now(self) -> int:
        return int(self.clock())

    @_now.setter
    def _now(self, _: int) -> None:
        pass


class _Policy(_VirtualTime, DefaultCookiePolicy):
    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        # A load plan's client stands for a browser behind TLS, so that cookies with Secure are sent as well.
        super().__init__(secure_protocols=("http", "https"))


class _Jar(_VirtualTime, CookieJar):
    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        super().__init__(_Policy(clock))

    def clear_expired_cookies(self) -> None:
        for cookie in list(self):
            if cookie.is_expired(self._now):
                self.clear(cookie.domain, cookie.path, cookie.name)


class _ResponseHeaders:
    """The headers of a response, as far as `CookieJar` reads them."""

    def __init__(self, response: Response) -> None:
        self._headers = response.headers

    def info(self) -> _ResponseHeaders:
        return self

    def get_all(self, name: str, default: Sequence[str] = ()) -> Sequence[str]:
        return self._headers.get_all(name.lower()) or default


class ClientCookies:
    """Cookies that responses have set, with their paths, domains and expiry.

    Parameters
    ----------
    clock
        Function that returns the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._jar = _Jar(clock)

    def add_to(self, request: Request) -> None:
        """Add the cookies that a browser would send with this request. A request that has cookies already is not changed."""
        if len(self._jar) and "cookie" not in request.headers:
            standard = _standard(request)
            self._jar.add_cookie_header(standard)
            value = standard.get_header("Cookie")
            if value:
                request.headers["cookie"] = value

    def keep(self, request: Request, response: Response) -> None:
        """Store the cookies that the response to a request has set, and remove those that it has ended."""
        if "set-cookie" in response.headers:
            headers: Any = _ResponseHeaders(response)
            self._jar.extract_cookies(headers, _standard(request))


def _standard(request: Request) -> urllib.request.Request:
    """Return the request as the standard library describes one, without its headers and body."""
    path = request.path if request.path.startswith("/") else "/"
    return urllib.request.Request(f"http://{request.authority}{path}")

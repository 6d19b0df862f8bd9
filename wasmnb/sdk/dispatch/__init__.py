"""The dispatcher, which passes the proxy's callbacks to the methods of the filter's objects.

The classes that have these methods are in `wasmnb.sdk.contexts`, `wasmnb.sdk.http` and `wasmnb.sdk.tcp`, and the hostcalls
that the methods make in `wasmnb.sdk.hostcalls`.
"""

from ..errors import FilterSourceError
from .dispatcher import Dispatcher

__all__ = ["Dispatcher", "FilterSourceError"]

"""The dispatcher, which passes the proxy's callbacks to methods of the filter's contexts.

The base classes of contexts are in `wasmnb.sdk.contexts`, `wasmnb.sdk.http` and `wasmnb.sdk.tcp`, and the hostcalls are in
`wasmnb.sdk.hostcalls`.
"""

from ..errors import FilterSourceError
from .dispatcher import Dispatcher

__all__ = ["Dispatcher", "FilterSourceError"]

"""Read and write recordings of HTTP traffic in several file formats, and mask the secrets in them.

Sending the recorded requests through a filter is in `wasmnb.traffic.replay`.
"""

from .exchange import RecordedExchange
from .recorder import Recording, record
from .traffic import RecordedTraffic, read_traffic
from .writers import write_traffic

__all__ = ["RecordedExchange", "RecordedTraffic", "Recording", "read_traffic", "record", "write_traffic"]

"""Recorded traffic: readers of each file format, one model for all of them, masking of secrets, and writers.

Each reader is a generator of `RecordedExchange`. Sending recorded requests through a filter is in `..replay`.
"""

from .exchange import RecordedExchange
from .recorder import Recording, record
from .traffic import RecordedTraffic, read_traffic
from .writers import write_traffic

__all__ = ["RecordedExchange", "RecordedTraffic", "Recording", "read_traffic", "record", "write_traffic"]

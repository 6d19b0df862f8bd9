"""Traffic for a proxy: load runs, profiles and their reports, and requests from curl's flags.

The HTML and text of the reports are in `..view`; the proxies are in `..host` and `..envoy`.
"""

from .code_profile import record_code_profile
from .curl import CurlRequest
from .distribution import Distribution
from .harness import Harness, measure_harness
from .load import load, load_connections
from .profile_report import ProfileReport
from .profiling import profile
from .report import LoadReport
from .tcp import send_bytes

__all__ = [
    "CurlRequest",
    "Distribution",
    "Harness",
    "LoadReport",
    "ProfileReport",
    "load",
    "load_connections",
    "measure_harness",
    "profile",
    "record_code_profile",
    "send_bytes",
]

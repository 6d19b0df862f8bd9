"""Send traffic through a proxy: requests from curl's flags, load, recordings, comparisons and profiles, with their reports.

The HTML and text of the reports are in `wasmnb.view`. The proxies are in `wasmnb.host` and `wasmnb.envoy`.
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

"""Traffic: load profiles, curl's flags, latency reports."""

from .code_profile import record_code_profile
from .curl import CurlRequest
from .distribution import Distribution
from .harness import Harness, measure_harness
from .load import load
from .profile_report import ProfileReport
from .profiling import profile
from .report import LoadReport

__all__ = [
    "CurlRequest",
    "Distribution",
    "Harness",
    "LoadReport",
    "ProfileReport",
    "load",
    "measure_harness",
    "profile",
    "record_code_profile",
]

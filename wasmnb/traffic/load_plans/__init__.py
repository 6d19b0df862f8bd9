"""Load plans: mixes of requests and sessions, phases of open and closed load, stop conditions, and their reports.

Load of one repeated request, and the base class of the reports, are in the folder above.
"""

from .plan import LoadPhase, LoadPlan, LoadRequest, LoadSession, LoadStop
from .report import PlanReport

__all__ = ["LoadPhase", "LoadPlan", "LoadRequest", "LoadSession", "LoadStop", "PlanReport"]

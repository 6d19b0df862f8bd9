"""Load plans: a mix of requests and sessions, phases with a rate or with users, stop conditions, and the report of a run.

Repeating a single request, and the base class of the reports, are in the folder above.
"""

from .plan import LoadPhase, LoadPlan, LoadRequest, LoadSession, LoadStop
from .report import PlanReport

__all__ = ["LoadPhase", "LoadPlan", "LoadRequest", "LoadSession", "LoadStop", "PlanReport"]

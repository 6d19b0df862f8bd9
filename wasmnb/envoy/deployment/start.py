"""Cost of starting Envoy with the exported modules, as stated in the README of an export."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

from ...errors import ModuleError, UsageError
from ..start_cost.cost import StartCost
from ..start_cost.measure import measure
from ..start_cost.model import facts_of, predict
from .envoy_yaml import Ports, envoy_config
from .setup import Setup

__all__ = ["StartFacts", "start_facts"]

#: Maximum predicted CPU seconds of a start that is measured by default.
_SHORT = 4.0


@dataclass(frozen=True)
class StartFacts:
    """Cost of starting Envoy with one worker.

    Attributes
    ----------
    cost
        CPU time and memory in addition to those of an Envoy without filters.
    further_worker
        Predicted memory in bytes for each additional worker.
    machine
        Machine on which `cost` was measured, or '' if it is predicted.
    """

    cost: StartCost
    further_worker: int
    machine: str


def start_facts(setup: Setup, measured: bool | None = None) -> StartFacts:
    """Predict or measure the cost of starting Envoy with the exported modules.

    Parameters
    ----------
    setup
        Input of the export.
    measured
        True measures, False predicts. None (the default) measures if Envoy is installed and the predicted start is short.

    Raises
    ------
    UsageError, EnvoyRefused
        `measured` is True, and Envoy isn't installed or refused a module.
    """
    facts = facts_of(module.data for module in setup.modules)
    expected = predict(facts, 1)
    further = predict(facts, 2).settled - expected.settled
    if measured or (measured is None and facts.code and expected.cpu <= _SHORT):
        files: dict[str, Any] = {module.file: module.data for module in setup.modules}
        try:
            cost = measure(envoy_config(setup, Ports(http=0, admin=0)), files, 1, settle=0)
        except (UsageError, ModuleError):
            if measured:
                raise
        else:
            return StartFacts(cost, further, f"{os.cpu_count()} cores, {platform.machine()}")
    return StartFacts(expected, further, "")

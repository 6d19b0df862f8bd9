"""Costs of Envoy's start with the exported modules, for the README."""

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

#: CPU-seconds up to which a start is measured without being asked for.
_SHORT = 4.0


@dataclass(frozen=True)
class StartFacts:
    """Cost of a start with one worker.

    Attributes
    ----------
    cost
        Cost over an Envoy without filters.
    further_worker
        Bytes of memory that each further worker takes, as predicted.
    machine
        The machine on which the cost was measured, or an empty string if it is predicted.
    """

    cost: StartCost
    further_worker: int
    machine: str


def start_facts(setup: Setup, measured: bool | None = None) -> StartFacts:
    """Predict the cost of a start, or measure it.

    Parameters
    ----------
    setup
        Plugins, routes and clusters of the export.
    measured
        Whether to measure; by default if Envoy is installed and the start is short.

    Raises
    ------
    UsageError, EnvoyRefused
        `measured` is True, and Envoy isn't installed or refuses a module.
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

"""Mutation of scenarios that have caused new behaviour of the filter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .generator import Generator
from .scenario import BodyChunk, Data, Enqueue, Open, Pairs, Pass, Reconfigure, Scenario, Script, Send, Step
from .value_generator import METHODS

__all__ = ["Mutator"]


class Mutator:
    """Object that changes scenarios at random.

    Parameters
    ----------
    generator
        Generator of new steps and values. Its random number generator is used for all choices.
    """

    def __init__(self, generator: Generator) -> None:
        self.draw = generator
        self.random = generator.random

    def change(self, scenario: Scenario) -> Scenario:
        """Return a copy of a scenario with one to three random changes."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            change = self.random.choice((self._replace_step, self._replace_step, self._add_step, self._change_script))
            scenario = change(scenario)
        return scenario

    def _replace_step(self, scenario: Scenario) -> Scenario:
        if not scenario.steps:
            return self._add_step(scenario)
        at = self.random.randrange(len(scenario.steps))
        step = self._mutate_step(scenario.steps[at])
        return scenario.with_steps(scenario.steps[:at], [step], scenario.steps[at + 1 :])

    def _mutate_step(self, step: Step) -> Step:
        draw = self.draw
        match step:
            case Pass():
                return draw.pause()
            case BodyChunk():
                return replace(step, data=draw.data())
            case Data():
                return replace(step, data=draw.message() if draw.happens(0.6) else draw.mutate_data(step.data))
            case Reconfigure():
                return (
                    draw.configuration() if draw.happens(0.7) else replace(step, config=draw.mutate_data(step.config))
                )
            case Enqueue():
                return replace(step, item=draw.message() if draw.happens(0.5) else draw.mutate_data(step.item))
            case Send() | Open():
                return self._mutate_request(step)
        return step

    def _mutate_request(self, step: Send | Open) -> Step:
        random, draw = self.random, self.draw
        choices: list[dict[str, Any]] = [
            {"path": draw.path()},
            {"method": random.choice(METHODS)},
            {"headers": self._mutate_pairs(step.headers)},
        ]
        if isinstance(step, Send) and step.chunks is None:
            choices.append({"body": draw.mutate_data(step.body)})
        if "shared" in draw.capabilities:
            choices.append({"worker": draw.worker()})
        return replace(step, **random.choice(choices))

    def _mutate_pairs(self, pairs: Pairs) -> Pairs:
        random, draw = self.random, self.draw
        if not pairs or random.random() < 0.4:
            return (*pairs, draw.pair())
        at = random.randrange(len(pairs))
        if random.random() < 0.3:
            return pairs[:at] + pairs[at + 1 :]
        return (*pairs[:at], (pairs[at][0], draw.header_value()), *pairs[at + 1 :])

    def _add_step(self, scenario: Scenario) -> Scenario:
        random, draw = self.random, self.draw
        if random.random() < 0.3 and scenario.steps:
            at = random.randrange(len(scenario.steps))
            return scenario.with_steps(scenario.steps, [scenario.steps[at]])
        if random.random() < 0.6 and not draw.network:
            return scenario.with_steps(scenario.steps, [draw.request()])
        return scenario + draw.scenario()

    def _change_script(self, scenario: Scenario) -> Scenario:
        """Add or remove a scripted response."""
        draw = self.draw
        at = next((i for i, step in enumerate(scenario.steps) if isinstance(step, Script)), None)
        if at is None:
            return Scenario((replace(draw.script(), services=(draw.service_response(),)), *scenario.steps))
        script = scenario.steps[at]
        which = self.random.choice(("responses", "services"))
        responses = getattr(script, which)
        if responses and self.random.random() < 0.4:
            removed = self.random.randrange(len(responses))
            mutated = responses[:removed] + responses[removed + 1 :]
        else:
            response = draw.tcp_response if draw.network else draw.http_response
            mutated = (*responses, response() if which == "responses" else draw.service_response())
        return scenario.with_steps(scenario.steps[:at], [replace(script, **{which: mutated})], scenario.steps[at + 1 :])

"""Changes scenarios that did something new, a little at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .generator import Generator
from .scenario import Body, Data, Enqueue, Open, Pairs, Pass, Reconfigure, Scenario, Script, Send, Step
from .value_generator import METHODS

__all__ = ["Mutator"]


class Mutator:
    """Changes what a generator makes; it draws from the same source."""

    def __init__(self, generator: Generator) -> None:
        self.draw = generator
        self.random = generator.random

    def change(self, scenario: Scenario) -> Scenario:
        """A scenario with one to three changes."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            change = self.random.choice((self._change_step, self._change_step, self._add_step, self._change_script))
            scenario = change(scenario)
        return scenario

    def _change_step(self, scenario: Scenario) -> Scenario:
        if not scenario.steps:
            return self._add_step(scenario)
        at = self.random.randrange(len(scenario.steps))
        step = self._changed(scenario.steps[at])
        return scenario.with_steps(scenario.steps[:at], [step], scenario.steps[at + 1 :])

    def _changed(self, step: Step) -> Step:
        draw = self.draw
        match step:
            case Pass():
                return draw.pause()
            case Body():
                return replace(step, data=draw.data())
            case Data():
                return replace(step, data=draw.message() if draw.chance(0.6) else draw.changed(step.data))
            case Reconfigure():
                return draw.configuration() if draw.chance(0.7) else replace(step, config=draw.changed(step.config))
            case Enqueue():
                return replace(step, item=draw.message() if draw.chance(0.5) else draw.changed(step.item))
            case Send() | Open():
                return self._changed_request(step)
        return step

    def _changed_request(self, step: Send | Open) -> Step:
        random, draw = self.random, self.draw
        choices: list[dict[str, Any]] = [
            {"path": draw.path()},
            {"method": random.choice(METHODS)},
            {"headers": self._changed_pairs(step.headers)},
        ]
        if isinstance(step, Send) and step.chunks is None:
            choices.append({"body": draw.changed(step.body)})
        if "shared" in draw.abilities:
            choices.append({"worker": draw.worker()})
        return replace(step, **random.choice(choices))

    def _changed_pairs(self, pairs: Pairs) -> Pairs:
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
        """Add an answer, or take one away."""
        draw = self.draw
        at = next((i for i, step in enumerate(scenario.steps) if isinstance(step, Script)), None)
        if at is None:
            return Scenario((replace(draw.script(), services=(draw.service(),)), *scenario.steps))
        script = scenario.steps[at]
        which = self.random.choice(("answers", "services"))
        there = getattr(script, which)
        if there and self.random.random() < 0.4:
            lost = self.random.randrange(len(there))
            changed = there[:lost] + there[lost + 1 :]
        else:
            answer = draw.tcp_answer if draw.network else draw.answer
            changed = (*there, answer() if which == "answers" else draw.service())
        return scenario.with_steps(scenario.steps[:at], [replace(script, **{which: changed})], scenario.steps[at + 1 :])

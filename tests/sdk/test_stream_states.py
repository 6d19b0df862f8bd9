"""The table of states and events of waiting callbacks is complete and consistent with `StreamTask`."""

import inspect

import pytest

from wasmnb.sdk.tasks import stream_states as states
from wasmnb.sdk.tasks.stream_tasks import TRANSITIONS, StreamTask

ROWS = [(state, event, *row) for state, events in TRANSITIONS.items() for event, row in events.items()]


@pytest.mark.parametrize(("state", "event", "action", "after"), ROWS)
def test_every_transition_names_an_action_and_a_state(state, event, action, after):
    assert inspect.isfunction(action)
    assert vars(StreamTask)[action.__name__] is action
    assert after in TRANSITIONS


def test_every_state_can_be_reached_and_leads_to_the_end():
    following = {state: {after for s, _, _, after in ROWS if s == state} for state in TRANSITIONS}

    def reachable(start):
        seen, todo = set(), [start]
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo += following[state]
        return seen

    assert reachable(states.RUNNING) == set(TRANSITIONS)
    assert all(states.ENDED in reachable(state) for state in TRANSITIONS)


def test_callback_that_runs_the_coroutine_can_return():
    for state in (*states.IN_CALLBACK, states.ENDED):
        assert {states.RETURN, states.RETURN_HEADERS} <= set(TRANSITIONS[state])


def test_callbacks_arrive_only_while_none_runs():
    for state, events in TRANSITIONS.items():
        arrives = {states.CALLBACK, states.LAST_CALLBACK} <= set(events)
        assert arrives == (state not in (*states.IN_CALLBACK, states.ENDED))

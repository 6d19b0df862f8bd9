"""The tables of states and events, of waiting callbacks and of HTTP streams, are complete and consistent with their users."""

import inspect

import pytest

from wasmnb.sdk import http_states
from wasmnb.sdk.tasks import stream_states as states
from wasmnb.sdk.tasks.stream_tasks import TRANSITIONS, StreamTask

ROWS = [(state, event, *row) for state, events in TRANSITIONS.items() for event, row in events.items()]


@pytest.mark.parametrize(("state", "event", "action", "after"), ROWS)
def test_every_transition_names_an_action_and_a_state(state, event, action, after):
    assert inspect.isfunction(action)
    assert vars(StreamTask)[action.__name__] is action
    assert after in TRANSITIONS


def reachable(following, start):
    seen, todo = set(), [start]
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo += following[state]
    return seen


def test_every_state_can_be_reached_and_leads_to_the_end():
    following = {state: {after for s, _, _, after in ROWS if s == state} for state in TRANSITIONS}
    assert reachable(following, states.RUNNING) == set(TRANSITIONS)
    assert all(states.ENDED in reachable(following, state) for state in TRANSITIONS)


def test_waiting_callback_can_be_cancelled_in_every_state():
    assert {state for state, events in TRANSITIONS.items() if states.CANCEL not in events} == {states.ENDED}


@pytest.mark.parametrize(
    ("table", "first"), [(http_states.STREAM, http_states.OPEN), (http_states.DIRECTION, http_states.NEVER_PAUSED)]
)
def test_every_state_of_http_streams_can_be_reached(table, first):
    assert reachable({state: set(events.values()) for state, events in table.items()}, first) == set(table)


def test_http_stream_can_end_in_every_state_and_stays_ended():
    assert {events[http_states.END] for events in http_states.STREAM.values()} == {http_states.ENDED}
    assert set(http_states.STREAM[http_states.ENDED]) == {http_states.END}


def test_callback_that_runs_the_coroutine_can_return():
    for state in (*states.IN_CALLBACK, states.ENDED):
        assert {states.RETURN, states.RETURN_HEADERS} <= set(TRANSITIONS[state])


def test_callbacks_arrive_only_while_none_runs():
    for state, events in TRANSITIONS.items():
        arrives = {states.CALLBACK, states.LAST_CALLBACK} <= set(events)
        assert arrives == (state not in (*states.IN_CALLBACK, states.ENDED))

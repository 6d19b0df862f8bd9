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


@pytest.mark.parametrize("events", [http_states.STREAM_EVENTS, http_states.DIRECTION_EVENTS])
def test_every_state_of_http_streams_can_be_reached(events):
    (size,) = {len(event) for event in events}
    following = {state: {event[state] for event in events} - {http_states.REFUSED} for state in range(size)}
    assert reachable(following, 0) == set(range(size))


def test_http_stream_stays_ended():
    assert {event[http_states.ENDED] for event in http_states.STREAM_EVENTS} == {http_states.ENDED, http_states.REFUSED}
    assert set(http_states.END) == {http_states.ENDED}


def test_callback_that_runs_the_coroutine_can_return():
    for state in (*states.IN_CALLBACK, states.ENDED):
        assert {states.RETURN, states.RETURN_HEADERS} <= set(TRANSITIONS[state])


def test_callbacks_arrive_only_while_none_runs():
    for state, events in TRANSITIONS.items():
        arrives = {states.CALLBACK, states.LAST_CALLBACK} <= set(events)
        assert arrives == (state not in (*states.IN_CALLBACK, states.ENDED))

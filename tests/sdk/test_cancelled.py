"""Cancelled coroutines that fail or do not end affect only their own stream."""

import pytest
from tests.sdk.async_kit import stream
from tests.sdk.fake_proxy import FakeProxy


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("try:\n    await sleep(9)\nfinally:\n    await sleep(1)", "await sleep(1)", "a coroutine awaited something after it was cancelled"),
        ("try:\n    await sleep(9)\nfinally:\n    raise ValueError('bad end')", "raise ValueError('bad end')", "bad end"),
    ],
)
def test_errors_during_cancellation_are_logged_and_contained(code, line, said):
    proxy = FakeProxy(stream(code))
    i = proxy.create()
    proxy.call("on_request_headers", i, 0, 1)
    proxy.call("on_delete", i)
    text = proxy.logs[-1][1]
    assert said in text.splitlines()[-1] and line in text


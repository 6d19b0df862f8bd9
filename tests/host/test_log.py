"""The log and its filter."""

import pytest

from wasmnb.abi import LogLevel
from wasmnb.host.trace.log import LogFilter, LogLine

LINE = LogLine(0.5, LogLevel.WARN, "denied /pay", "worker-2", vm=4, context=7, exchange=3, root=1)


@pytest.mark.parametrize(
    "criteria",
    [
        {}, {"level": "warn"}, {"thread": "worker-2"}, {"vm": 4}, {"root": 1}, {"context": 7}, {"exchange": 3},
        {"text": "denied"}, {"level": "info", "thread": "worker-2", "vm": 4, "text": "/pay"},
    ],
)  # fmt: skip
def test_line_matches_its_own_criteria(criteria):
    assert LogFilter(**criteria).matches(LINE)


@pytest.mark.parametrize(
    "criteria",
    [
        {"level": "error"}, {"thread": "main"}, {"vm": 5}, {"root": 2}, {"context": 1}, {"exchange": 1},
        {"text": "allowed"}, {"vm": 4, "exchange": 1},
    ],
)  # fmt: skip
def test_line_does_not_match_other_criteria(criteria):
    assert not LogFilter(**criteria).matches(LINE)

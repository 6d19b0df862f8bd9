"""Metrics."""

from ..scenario import Scenario, Send, maker

S = maker("metrics")

SCENARIOS: list[Scenario] = [
    S(
        "define, increment, record, get",
        [Send()],
        """
        on_request_headers:
            define_metric COUNTER c1
            define_metric COUNTER c1
            define_metric GAUGE g1
            define_metric HISTOGRAM h1
            define_metric 3 z
            define_metric 99 z
            increment_metric 4 3
            get_metric 4
            increment_metric 8 2
            get_metric 4
            get_metric 8
            increment_metric 4 0
            increment_metric 4 -1
            get_metric 4
            record_metric 4 10
            get_metric 4
            increment_metric 5 5
            get_metric 5
            increment_metric 5 -2
            get_metric 5
            increment_metric 5 -100
            get_metric 5
            record_metric 5 7
            get_metric 5
            record_metric 5 -1
            get_metric 5
            record_metric 6 100
            get_metric 6
            increment_metric 6 1
            increment_metric 400 1
            get_metric 400
            record_metric 400 1
            increment_metric 401 1
            record_metric 402 1
            get_metric 402
            get_metric 3
            increment_metric 3 1
            record_metric 3 1
        """,
    ),
    S(
        "one name with two types, and unusual names",
        [Send()],
        """
        on_request_headers:
            define_metric COUNTER c1
            define_metric GAUGE g1
            define_metric GAUGE c1
            define_metric COUNTER g1
            define_metric COUNTER a.b.c
            define_metric COUNTER _
            define_metric COUNTER sp%20ace
        on_log:
            increment_metric 4 1
            increment_metric 8 2
        """,
    ),
]

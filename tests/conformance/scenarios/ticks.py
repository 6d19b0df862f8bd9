"""Ticks: their threads and periods, stopping them, and hostcalls that a root context may make."""

from ..scenario import Scenario, Send, Wait, maker

S = maker("ticks")

SCENARIOS: list[Scenario] = [
    S(
        "set in on_configure, ticks on the main thread and on every worker",
        [Wait(0.25)],
        """
        on_configure:
            set_tick_period_milliseconds 100
        on_tick:
            set_tick_period_milliseconds 0
        """,
        workers=2,
        show_start=True,
    ),
    S(
        "a new period replaces the old one",
        [Send(), Wait(0.3)],
        """
        on_request_headers:
            set_tick_period_milliseconds 40
            set_tick_period_milliseconds 120
        on_tick#2:
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "period 0 stops",
        [Send(), Wait(0.2)],
        """
        on_request_headers:
            set_tick_period_milliseconds 50
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "three ticks, then none",
        [Send(), Wait(0.4)],
        """
        on_request_headers:
            set_tick_period_milliseconds 50
        on_tick#3:
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "what a root context may call",
        [Wait(0.2)],
        """
        on_configure:
            set_tick_period_milliseconds 60
        on_tick:
            get_property plugin_name
            get_property plugin_root_id
            get_property plugin_vm_id
            get_property xds/node/id
            get_property xds/cluster_name
            get_property connection_id
            set_property a 1
            get_header_map_value REQUEST_HEADERS a
            get_header_map_pairs REQUEST_HEADERS
            get_buffer_bytes HTTP_REQUEST_BODY 0 1
            get_buffer_bytes PLUGIN_CONFIGURATION 0 1
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "continue, local response and done from a root without a stream",
        [Wait(0.2)],
        """
        on_configure:
            set_tick_period_milliseconds 60
        on_tick:
            set_effective_context 1
            continue_stream REQUEST
            send_local_response 200 d b _ -1
            done
            set_effective_context 77
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "a module without on_tick",
        [Send(), Wait(0.2)],
        """
        on_request_headers:
            set_tick_period_milliseconds 50
        """,
        plug={"module": "scripted-without-tick"},
    ),
]

"""Conditions for loading a module and for accepting a configuration."""

from ...foreign.odd_modules import BYTES, TEXTS
from ..scenario import Scenario, Send, Shutdown, maker

S = maker("loading")

_SCRIPT = """
on_configure:
    get_log_level
    get_current_time_nanoseconds
on_request_headers:
    get_header_map_value REQUEST_HEADERS :path
    get_property plugin_name
    get_current_time_nanoseconds
"""

_ALLOWED = (
    "proxy_log", "proxy_get_buffer_bytes", "proxy_get_header_map_value", "proxy_on_context_create", "proxy_on_configure",
    "proxy_on_request_headers", "random_get",
)  # fmt: skip


def _abi(version: str, script: str) -> Scenario:
    return S(
        f"ABI {version}",
        [Send(), Shutdown()],
        script,
        plug={"module": f"scripted-{version}", "vm_script": script},
        show_start=True,
    )


SCENARIOS: list[Scenario] = [
    *(S(name, [Send()], plug={"module": name}, show_start=True) for name in (*TEXTS, *BYTES)),
    S(
        "a file that does not exist",
        [],
        plug={"module": "/nonexistent/filter.wasm"},
        show_start=True,
        why_not="a file is read before there is a proxy",
    ),
    _abi(
        "0.1.0",
        """
        on_vm_start:
            get_configuration
        on_configure:
            get_configuration
            get_log_level
        on_request_headers:
            get_configuration
            clear_route_cache
            get_header_map_value REQUEST_HEADERS nope
            continue_stream REQUEST
            set_tick_period_milliseconds 50
            return 1
        on_tick:
            set_effective_context stream
            continue_request
            set_tick_period_milliseconds 0
        on_response_headers:
            get_header_map_value REQUEST_HEADERS :path
        on_log:
            get_header_map_value RESPONSE_TRAILERS x
            get_header_map_value RESPONSE_HEADERS nope
        """,
    ),
    _abi(
        "0.2.0",
        """
        on_configure:
            get_log_level
            get_buffer_bytes PLUGIN_CONFIGURATION 0 20
        on_request_headers:
            get_header_map_value REQUEST_HEADERS nope
        """,
    ),
    S(
        "capability restriction",
        [Send()],
        _SCRIPT,
        plug={"options": {"allowed_capabilities": _ALLOWED}},
        show_start=True,
    ),
    S("a module without on_vm_start and on_configure", [Send()], plug={"module": "scripted-without-start"}, show_start=True),
    S("on_vm_start returns 0", [], plug={"vm_script": "on_vm_start:\n  return 0"}, show_start=True),
    S(
        "on_vm_start returns 0, FAIL_OPEN",
        [],
        plug={"vm_script": "on_vm_start:\n  return 0", "options": {"failure_policy": "FAIL_OPEN"}},
        show_start=True,
    ),
    S(
        "on_vm_start traps",
        [],
        plug={"vm_script": "on_vm_start:\n  get_current_time_nanoseconds\n  trap"},
        show_start=True,
    ),
    S("on_configure returns 0", [], "on_configure:\n  return 0", show_start=True),
    S("on_configure traps", [], "on_configure:\n  trap", show_start=True),
    S(
        "fail_open and failure_policy at once",
        [],
        plug={"options": {"fail_open": True, "failure_policy": "FAIL_OPEN"}},
        show_start=True,
    ),
]

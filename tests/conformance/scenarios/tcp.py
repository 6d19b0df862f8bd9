"""TCP connections through the network filter to an echo server."""

from ..scenario import Scenario, Tcp, maker

S = maker("tcp")


def _tcp(name: str, moves: list, script: str = "", *others: Tcp, policy: str | None = None, **options) -> Scenario:
    plug = {"options": {"failure_policy": policy}} if policy else {}
    return S(name, [Tcp(moves), *others], script, plug=plug, kind="tcp", **options)


_DATA = """
on_downstream_data:
    get_buffer_bytes DOWNSTREAM_DATA 0 99
    get_property connection/id
    get_property source/address
    get_property upstream/address
    get_property xds/filter_chain_name
    set_buffer_bytes DOWNSTREAM_DATA 0 0 IN:
    get_buffer_bytes DOWNSTREAM_DATA 0 99
    get_buffer_bytes UPSTREAM_DATA 0 99
on_upstream_data:
    get_buffer_bytes UPSTREAM_DATA 0 99
    get_property upstream/address
    set_buffer_bytes UPSTREAM_DATA 0 9999 :OUT
on_upstream_connection_close:
    get_property upstream/address
on_downstream_connection_close:
    get_property source/address
    get_buffer_bytes DOWNSTREAM_DATA 0 9
on_log:
    get_property source/address
    get_property connection/id
    get_header_map_pairs REQUEST_HEADERS
"""

_HTTP_CALLS = """
on_downstream_data:
    continue_stream DOWNSTREAM
    continue_stream UPSTREAM
    continue_stream REQUEST
    continue_stream RESPONSE
    close_stream REQUEST
    close_stream RESPONSE
    get_header_map_value REQUEST_HEADERS a
    get_header_map_pairs REQUEST_HEADERS
    send_local_response 403 d b _ -1
"""

_TRAP = "on_downstream_data:\n  trap\n"

SCENARIOS: list[Scenario] = [
    _tcp("echo, client closes", [b"hello", "read", b"world", "read"]),
    _tcp("echo, client half-closes and reads to the end", [b"hello", "read", "shut", "read", "read"]),
    _tcp("upstream closes", [b"hello", "read", b"QUIT", "read", "read"]),
    _tcp("client resets", [b"hello", "read", "reset"]),
    _tcp("connect and close without data", [0.1]),
    _tcp("client sends and closes at once", [(b"hello", "close")]),
    _tcp("client sends and half-closes at once", [(b"hello", "shut"), "read", "read"]),
    _tcp("client sends and closes at once after a response", [b"one", "read", (b"two", "close")]),
    _tcp("client asks the upstream to close and half-closes at once", [(b"QUIT", "shut"), "read", "read"]),
    _tcp("client closes at once, bytes held by the filter", [(b"hello", "close")], "on_downstream_data:\n  return 1\n"),
    _tcp("client half-closes at once, data changed both ways", [(b"hello", "shut"), 0.1, "read", "read"], _DATA),
    _tcp("client closes at once, data changed both ways", [(b"hello", "close")], _DATA),
    _tcp("client asks the upstream to close and closes at once", [(b"QUIT", "close")]),
    _tcp("data changed both ways, properties", [b"hello", "read"], _DATA),
    _tcp("on_new_connection returns Pause", [b"hello", "read"], "on_new_connection:\n  return 1\n"),
    _tcp(
        "on_new_connection returns Pause, resumed by a tick",
        [b"hello", "read"],
        """
        on_new_connection:
            set_tick_period_milliseconds 100
            return 1
        on_tick:
            set_effective_context stream
            continue_stream DOWNSTREAM
            set_tick_period_milliseconds 0
        """,
    ),
    _tcp(
        "on_downstream_data pauses the first chunk",
        [b"aaa", 0.15, b"bbb", "read"],
        "on_downstream_data#1:\n  return 1\n",
    ),
    _tcp(
        "on_downstream_data pauses, resumed by a tick",
        [b"aaa", "read"],
        """
        on_downstream_data#1:
            set_tick_period_milliseconds 100
            return 1
        on_tick:
            set_tick_period_milliseconds 0
            set_effective_context stream
            get_buffer_bytes DOWNSTREAM_DATA 0 99
            continue_stream DOWNSTREAM
        """,
    ),
    _tcp(
        "on_upstream_data pauses the first chunk", [b"aaa", "read", b"bbb", "read"], "on_upstream_data#1:\n  return 1\n"
    ),
    _tcp(
        "data replaced and removed",
        [b"aaa", "read"],
        "on_downstream_data#1:\n  set_buffer_bytes DOWNSTREAM_DATA 0 99 other\n",
    ),
    _tcp(
        "close_stream(Downstream) from downstream data",
        [b"aaa", "read", "read"],
        "on_downstream_data:\n  close_stream DOWNSTREAM\n",
    ),
    _tcp(
        "close_stream(Upstream) from downstream data",
        [b"aaa", "read", "read"],
        "on_downstream_data:\n  close_stream UPSTREAM\n",
    ),
    _tcp(
        "close_stream(Downstream) from a new connection",
        [b"aaa", "read"],
        "on_new_connection:\n  close_stream DOWNSTREAM\n",
    ),
    _tcp("HTTP hostcalls in a TCP context", [b"aaa", "read"], _HTTP_CALLS),
    _tcp("FAIL_CLOSED: trap in downstream data", [b"aaa", "read"], _TRAP, Tcp([b"aaa", "read"]), policy="FAIL_CLOSED"),
    _tcp("FAIL_OPEN: trap in downstream data", [b"aaa", "read"], _TRAP, Tcp([b"aaa", "read"]), policy="FAIL_OPEN"),
    _tcp(
        "FAIL_CLOSED: trap in a new connection", [b"aaa", "read"], "on_new_connection:\n  trap\n", policy="FAIL_CLOSED"
    ),
    _tcp("FAIL_CLOSED: trap in upstream data", [b"aaa", "read"], "on_upstream_data:\n  trap\n", policy="FAIL_CLOSED"),
]

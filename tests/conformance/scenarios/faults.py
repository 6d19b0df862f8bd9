"""Faults of the upstream and the connection, and timeouts: their responses, and properties at the end of the stream."""

from ..scenario import Scenario, Send, maker

S = maker("faults")

_REPORT = "; ".join(
    f"get_property response/{name}" for name in ("code", "flags", "code_details", "size", "grpc_status")
)
_LOG = f"on_log: {_REPORT}"
_HELD = f"on_response_headers: return 1\n{_LOG}"
_REPLY = "send_local_response 503 d local%20body _ -1"
_GRPC = b"\0\0\0\0\1a"
_FAULTY = {"routes": "faulty"}

SCENARIOS: list[Scenario] = [
    S(
        "a reply when headers have gone out",
        [Send("GET", "/chunked")],
        f"on_response_body: {_REPLY}; get_property response/code; get_property response/code_details\n{_LOG}",
    ),
    S("a reply instead of an answer", [Send("GET", "/chunked")], f"on_response_headers: {_REPLY}; return 0\n{_LOG}"),
    S(
        "a reply whose status a filter changes",
        [Send()],
        f"""
        on_request_headers:
            {_REPLY}
            return 1
        on_response_headers:
            get_property response/code
            replace_header_map_value RESPONSE_HEADERS :status 418
            get_property response/code
        on_response_body:
            get_property response/code
        {_LOG}
        """,
    ),
    S("the answer is cut off", [Send("GET", "/rstmid")], _LOG),
    S("the answer is cut off while a filter holds it", [Send("GET", "/rstmid")], _HELD),
    S("the upstream closes before it answers", [Send("POST", "/close", body=b"abc")], _LOG),
    S(
        "an HTTP/2 upstream resets",
        [Send("POST", "/svc/Reset", headers=[("content-type", "application/grpc")], body=_GRPC)],
        _LOG,
        **_FAULTY,
    ),
    S("an HTTP/2 upstream resets while a filter holds it", [Send("POST", "/svc/Reset", body=_GRPC)], _HELD, **_FAULTY),
    S("nobody listens", [Send("GET", "/dead")], _LOG, **_FAULTY),
    S("no endpoint", [Send("GET", "/noep")], _LOG, **_FAULTY),
    S("no such cluster", [Send("GET", "/nowhere")], _LOG, **_FAULTY),
    S("no route", [Send("GET", "/")], _LOG, **_FAULTY),
    S("the stream idles", [Send("GET", "/slow")], _LOG, timeouts={"stream_idle_timeout": 0.2}),
    S(
        "the stream idles before the request is complete",
        [Send("POST", chunks=[b"a"], leave=0.6)],
        _LOG,
        timeouts={"stream_idle_timeout": 0.2},
    ),
    S(
        "a request takes too long",
        [Send("POST", chunks=[b"a"], leave=0.6)],
        _LOG,
        timeouts={"request_timeout": 0.2},
    ),
    S(
        "a held request takes too long",
        [Send("POST", body=b"a")],
        f"on_request_headers: return 1\n{_LOG}",
        timeouts={"request_timeout": 0.2},
    ),
    S("the client goes", [Send("GET", "/slow", leave=0.1)], _LOG),
    S("close_stream when an answer has begun", [Send("GET", "/chunked")], f"on_response_body: close_stream RESPONSE\n{_LOG}"),
    S("close_stream before", [Send()], f"on_request_headers: close_stream REQUEST; return 1\n{_LOG}"),
    S("a request without method", [Send()], f"on_request_headers: remove_header_map_value REQUEST_HEADERS :method\n{_LOG}"),
    S("an answer without status", [Send()], f"on_response_headers: remove_header_map_value RESPONSE_HEADERS :status\n{_LOG}"),
]  # fmt: skip

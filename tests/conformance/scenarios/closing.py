"""Responses with `connection: close`: the request is incomplete, the client asks for it, or a local reply has status 400."""

from ..scenario import Plug, Scenario, Send, maker

S = maker("closing")

_CHUNKS = [b"aaa", b"bbb"]
_REPLY = "send_local_response 403 d local%20body _ -1"
_BAD = "send_local_response 400 d local%20body _ -1"


def _held_until(callback: str, status: int = 403) -> str:
    """Return a script that holds every chunk of the request, and sends a local reply in one callback."""
    return f"""
        on_request_body:
            return 1
        {callback}:
            send_local_response {status} d local%20body _ -1
            return 1
        """


def _kept_from_upstream(script: str) -> tuple[Plug, Plug]:
    """Return plugins that keep the body from the upstream. Otherwise timing decides whether the upstream sees a part of it."""
    return Plug(script), Plug("on_request_headers: return 1", name="stop", root_id="r2")


SCENARIOS: list[Scenario] = [
    S("a reply before the last chunk", [Send("POST", chunks=_CHUNKS)], f"on_request_body#2: {_REPLY}; return 0"),
    S("a reply at the end of the body", [Send("POST", chunks=_CHUNKS)], f"on_request_body#3: {_REPLY}; return 0"),
    S("a reply before the last chunk, held", [Send("POST", chunks=_CHUNKS)], _held_until("on_request_body#2")),
    S("a reply at the end of the body, held", [Send("POST", chunks=_CHUNKS)], _held_until("on_request_body#3")),
    S(
        "a reply at the end of a sized body, held",
        [Send("POST", body=b"abc")],
        plugins=_kept_from_upstream(_held_until("on_request_body#2")),
    ),
    S("a reply at the end of an empty body", [Send("POST", chunks=[])], f"on_request_body: {_REPLY}; return 1"),
    S(
        "a reply from request trailers, held",
        [Send("POST", chunks=_CHUNKS, trailers=[("x-t", "1")])],
        _held_until("on_request_trailers"),
    ),
    S(
        "400 at the end of the body, held",
        [Send("POST", body=b"abc")],
        plugins=_kept_from_upstream(_held_until("on_request_body#2", 400)),
    ),
    S("400 from request headers", [Send()], f"on_request_headers: {_BAD}; return 1"),
    S("400 from request headers, over HTTP/2", [Send(http2=True)], f"on_request_headers: {_BAD}; return 1"),
    S("400 to HEAD", [Send("HEAD")], f"on_request_headers: {_BAD}; return 1"),
    S(
        "400 to a gRPC request",
        [Send("POST", headers=[("content-type", "application/grpc")], body=b"abc")],
        f"on_request_headers: {_BAD}; return 1",
    ),
    S(
        "400 that a filter makes 200",
        [Send()],
        f"""
        on_request_headers:
            {_BAD}
            return 1
        on_response_headers:
            replace_header_map_value RESPONSE_HEADERS :status 200
        """,
    ),
    S(
        "403 that a filter makes 400",
        [Send()],
        f"""
        on_request_headers:
            {_REPLY}
            return 1
        on_response_headers:
            replace_header_map_value RESPONSE_HEADERS :status 400
        """,
    ),
    S(
        "an upstream's answer that a filter makes 400",
        [Send()],
        "on_response_headers: replace_header_map_value RESPONSE_HEADERS :status 400; return 0",
    ),
    S("404 and then 400", [Send()], f"on_request_headers: send_local_response 404 d b _ -1; {_BAD}; return 1"),
    S("400 instead of an answer", [Send()], f"on_response_headers: {_BAD}; return 0"),
    S("the client asks for it", [Send(headers=[("connection", "keep-alive, Close")])]),
    S("the client asks for it as of a proxy", [Send(headers=[("proxy-connection", "close")])]),
    S(
        "a filter asks for it in vain",
        [Send()],
        """
        on_request_headers:
            add_header_map_value REQUEST_HEADERS connection close
        on_response_headers:
            add_header_map_value RESPONSE_HEADERS connection close
        """,
    ),
]

"""Further raw responses of an upstream, by path: informational responses, lengths, chunks, trailers, and ends in every phase."""


def _response(*lines: str, body: str = "ok") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


_OK, _TWO, _CHUNKED = "HTTP/1.1 200 OK", "content-length: 2", "transfer-encoding: chunked"


def _with(*headers: str) -> bytes:
    return _response(_OK, _TWO, *headers)


def _in_chunks(body: str, *headers: str) -> bytes:
    return _response(_OK, _CHUNKED, *headers, body=body)


def _interim(*heads: str) -> bytes:
    return "".join(f"{head}\r\n\r\n" for head in heads).encode() + _response(_OK, _TWO)


RAW_RESPONSES = {
    "/more/100-with-headers": _interim("HTTP/1.1 100 Continue\r\nx-i: 1"),
    "/more/103-twice": _interim("HTTP/1.1 103 Early Hints\r\nlink: a", "HTTP/1.1 103 Early Hints\r\nlink: b"),
    "/more/100-103": _interim("HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints\r\nlink: a"),
    "/more/199": _interim("HTTP/1.1 199 Odd"),
    "/more/100-length": _interim("HTTP/1.1 100 Continue\r\ncontent-length: 3"),
    "/more/101-then-200": _interim("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade"),
    "/more/103-only": b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n",
    "/more/100-garbage": b"HTTP/1.1 100 Continue\r\n\r\nGARBAGE\r\n\r\n",
    "/more/205-length": _response("HTTP/1.1 205 Reset Content", "content-length: 0", body=""),
    "/more/205-chunks": _response("HTTP/1.1 205 Reset Content", _CHUNKED, body="2\r\nok\r\n0\r\n\r\n"),
    "/more/304-body": _response("HTTP/1.1 304 Not Modified", _TWO),
    "/more/204-chunks": _response("HTTP/1.1 204 No Content", _CHUNKED, body="0\r\n\r\n"),
    "/more/204-empty": _response("HTTP/1.1 204 No Content", "x-a: 1", body=""),
    "/more/206": _response("HTTP/1.1 206 Partial Content", _TWO, "content-range: bytes 0-1/5"),
    "/more/status-000": _response("HTTP/1.1 000 Zero", _TWO),
    "/more/status-20": _response("HTTP/1.1 20 Short", _TWO),
    "/more/status-2000": _response("HTTP/1.1 2000 Long", _TWO),
    "/more/status-199": _response("HTTP/1.1 199 Odd", body=""),
    "/more/status-299": _response("HTTP/1.1 299 Fine", _TWO),
    "/more/status-700": _response("HTTP/1.1 700 High", _TWO),
    "/more/status-blank": _response("HTTP/1.1 200 ", _TWO),
    "/more/status-tab": _response("HTTP/1.1\t200\tOK", _TWO),
    "/more/version-1.2": _response("HTTP/1.2 200 OK", _TWO),
    "/more/version-0.9": _response("HTTP/0.9 200 OK", _TWO),
    "/more/version-lower": _response("hTTP/1.1 200 OK", _TWO),
    "/more/no-version": _response("200 OK", _TWO),
    "/more/reason-long": _response("HTTP/1.1 200 " + "r" * 3000, _TWO),
    "/more/chunk-upper": _in_chunks("A\r\n0123456789\r\n0\r\n\r\n"),
    "/more/chunk-zeros": _in_chunks("0002\r\nok\r\n000\r\n\r\n"),
    "/more/chunk-quoted": _in_chunks('2;a="b;c"\r\nok\r\n0\r\n\r\n'),
    "/more/chunk-blank": _in_chunks("2 \r\nok\r\n0\r\n\r\n"),
    "/more/chunk-lf": _in_chunks("2\nok\n0\n\n"),
    "/more/chunk-long": _in_chunks("2\r\nokMORE\r\n0\r\n\r\n"),
    "/more/chunk-minus": _in_chunks("-2\r\nok\r\n0\r\n\r\n"),
    "/more/chunk-none": _in_chunks("0\r\n\r\n"),
    "/more/chunk-cut-size": _in_chunks("2"),
    "/more/chunk-cut-end": _in_chunks("2\r\nok\r\n0\r\n"),
    "/more/chunk-then-more": _in_chunks("2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    "/more/trailers-two": _in_chunks("2\r\nok\r\n0\r\nx-a: 1\r\nX-B: 2\r\n\r\n"),
    "/more/trailers-host": _in_chunks("2\r\nok\r\n0\r\nhost: a\r\nset-cookie: b\r\n\r\n"),
    "/more/trailers-cut": _in_chunks("2\r\nok\r\n0\r\nx-a: 1\r\n"),
    "/more/trailers-colon": _in_chunks("2\r\nok\r\n0\r\n:status: 500\r\n\r\n"),
    "/more/trailers-nul": _in_chunks("2\r\nok\r\n0\r\nx-a: a\0b\r\n\r\n"),
    "/more/trailers-te": _in_chunks("2\r\nok\r\n0\r\ntransfer-encoding: gzip\r\n\r\n"),
    "/more/te-upper": _response(_OK, "Transfer-Encoding: CHUNKED", body="2\r\nok\r\n0\r\n\r\n"),
    "/more/te-blank": _response(_OK, "transfer-encoding: ", _TWO),
    "/more/te-list": _response(_OK, "transfer-encoding: chunked, chunked", body="2\r\nok\r\n0\r\n\r\n"),
    "/more/te-identity-alone": _response(_OK, "transfer-encoding: identity"),
    "/more/length-blank": _response(_OK, "content-length:  2  "),
    "/more/length-zeros": _response(_OK, "content-length: 0002"),
    "/more/length-hex": _response(_OK, "content-length: 0x2"),
    "/more/length-half": _response(_OK, "content-length: 2.0"),
    "/more/length-case": _response(_OK, "Content-Length: 2", "CONTENT-LENGTH: 2"),
    "/more/length-max": _response(_OK, "content-length: 18446744073709551615"),
    "/more/length-over": _response(_OK, "content-length: 18446744073709551616"),
    "/more/none-of-both": _response(_OK),
    "/more/cut-in-status": b"HTTP/1.1 20",
    "/more/cut-in-headers": b"HTTP/1.1 200 OK\r\nx-a",
    "/more/cut-before-body": _response(_OK, "content-length: 5", body=""),
    "/more/name-upper": _with("X-UPPER: 1"),
    "/more/name-high": _with("x\xe4: 1"),
    "/more/name-tab": _with("x\ta: 1"),
    "/more/name-slash": _with("x/a: 1"),
    "/more/name-leading-blank": _response(_OK, " x-a: 1", _TWO),
    "/more/value-high": _with("x-a: \x80\xff"),
    "/more/value-cr": _with("x-a: a\rb"),
    "/more/value-vt": _with("x-a: a\x0bb"),
    "/more/value-esc": _with("x-a: a\x1bb"),
    "/more/value-fold-tab": _with("x-a: a\r\n\tb"),
    "/more/value-long": _with("x-a: " + "v" * 20000),
    "/more/connection-te": _with("connection: te, keep-alive", "te: trailers"),
    "/more/connection-names": _with("connection: x-a", "x-a: 1", "x-b: 2"),
    "/more/connection-upper": _with("Connection: Close"),
    "/more/connection-upgrade": _with("connection: upgrade", "upgrade: h2c"),
    "/more/keep-alive": _with("keep-alive: timeout=5, max=2"),
    "/more/proxy-headers": _with("proxy-connection: close", "proxy-authenticate: Basic", "proxy-authorization: b"),
    "/more/dates": _with("date: a", "date: b", "server: a", "server: b"),
    "/more/own-forwarded": _with("x-forwarded-for: a", "x-forwarded-proto: b", "x-request-id: c", "forwarded: d"),
    "/more/envoy": _with("x-envoy-upstream-service-time: 9", "x-envoy-attempt-count: 7", "x-envoy-original-path: p", "x-envoy-expected-rq-timeout-ms: 5", "x-envoy-internal: true"),
    "/more/health": _with("x-envoy-immediate-health-check-fail: true", "x-envoy-upstream-healthchecked-cluster: c"),
    "/more/path": _with(":path: /x", "x-a: 1"),
    "/more/status-again": _with(":status: 404"),
    "/more/grpc": _with("content-type: application/grpc", "grpc-status: 5", "grpc-message: a%20b"),
}  # fmt: skip

"""A filter as Wasm and natively, with the same traffic through both and a comparison of their traces."""

import warnings
from pathlib import Path

from wasmnb import Filter, Proxy
from wasmnb.errors import WasmnbError

#: Differences that are allowed: the Python in Wasm requests clocks and random numbers in another order and at other addresses
#: (`wasi`), Envoy's log line about a trap contains Wasm frames, and the carets below traceback lines depend on the Python version.
WASI = "wasi"
FRAMES = "\nProxy-Wasm plugin in-VM backtrace:"


def plain(value):
    """Return a value without the parts that may differ between Wasm and native mode."""
    if isinstance(value, bytes) and value.startswith(b"Traceback "):
        return b"\n".join(line for line in value.split(b"\n") if line.strip(b" ~^"))
    if isinstance(value, str):
        text = value.partition(FRAMES)[0]
        return "\n".join(line for line in text.split("\n") if line.strip(" ~^"))
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def history(proxy):
    """Return all events of a trace except WASI calls, renumbered."""
    events = [e for e in proxy.trace if e.kind != WASI]
    numbers = {e.seq: i for i, e in enumerate(events)}
    return [
        (
            e.time, e.thread, e.vm, e.context, e.kind, e.name, plain(e.args), e.result, e.status, e.exchange,
            numbers.get(e.parent),
        )
        for e in events
    ]  # fmt: skip


def lines(proxy):
    return [
        (line.time, line.level, plain(line.text), line.thread, line.vm, line.context, line.exchange, line.prefix, line.source) for line in proxy.log
    ]


def message(sent):
    return None if sent is None else (getattr(sent, "status", None), sent.headers.raw, sent.body)


def responses(proxy):
    return [
        (exchange.number, exchange.worker, exchange.state, exchange.details, message(exchange.request), message(exchange.upstream_request), message(exchange.response))
        if hasattr(exchange, "request")
        else (exchange.number, exchange.worker, exchange.state, exchange.sent, exchange.received, exchange.upstream_chunks)
        for exchange in proxy.exchanges
    ]


def both(source, name="filter", path=()):
    """Yield the filter as Wasm and as a native filter."""
    text = source.read_text() if isinstance(source, Path) else source
    filename = str(source) if isinstance(source, Path) else "<filter>"
    folders = [source.parent] if isinstance(source, Path) else path
    yield Filter.from_source(text, name, filename=filename, path=folders)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield Filter.native(text, name, filename=filename, path=folders)


def compare(source, drive, **options):
    """Send the same traffic through both filters, compare all results, and return those of the native filter."""
    seen = []
    for filter_ in both(source):
        options.setdefault("guest_time", 0.001)
        try:
            with Proxy(filter_, **options) as proxy:
                drive(proxy)
        except WasmnbError as error:
            seen.append((type(error), str(error), plain(getattr(error, "traceback", ""))))
            continue
        # Also the end is compared, so that nothing is read before the proxy is closed.
        seen.append([*history(proxy), *lines(proxy), *responses(proxy), *metrics(proxy)])
    wasm, native = seen
    for theirs, ours in zip(wasm, native, strict=False):
        assert ours == theirs
    assert len(native) == len(wasm)
    return native


def metrics(proxy):
    return [(m.name, m.kind, list(m.samples) if m.samples else m.value) for m in proxy.metrics.all()]

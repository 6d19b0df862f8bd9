"""What tests of whole filters share: small sources, and a look at what a filter logs while it loads."""

from wasmnb.compiler import Filter
from wasmnb.compiler.runtime.probe import probe
from wasmnb.engine import default_engine

STREAM = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream): pass\n"


def said(source, **place):
    """Lines that a source logs while it loads, with their levels."""
    made = Filter.from_source(source + "\n" + STREAM, **place)
    engine = default_engine()
    runtime, _ = made._backend.runtimes.get(made._backend.requirements, engine)
    return probe(made.image(engine), runtime.pages, made.filename).log


def texts(source):
    """The same without levels."""
    return [text for _, text in said(source)]

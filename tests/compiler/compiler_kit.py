"""Shared by tests of whole filters: small sources, and a function that returns the log of a filter's start."""

from wasmnb.compiler import Filter
from wasmnb.compiler.runtime_build.probe import probe
from wasmnb.engine import Image, default_engine

STREAM = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream): pass\n"


def said(source, **place):
    """Lines that a source logs while it loads, with their levels."""
    compiled = Filter.from_source(source + "\n" + STREAM, **place)
    engine = default_engine()
    runtime, code = compiled._backend.runtimes.get(compiled._backend.requirements, engine)
    full = Image(code, None, compiled._backend.placement(runtime).write)  # release modules have loaded their source
    return probe(full, runtime.pages, compiled.filename).log


def texts(source):
    """The same without levels."""
    return [text for _, text in said(source)]

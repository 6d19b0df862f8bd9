"""Small sources, and functions that return the log of a filter's start, for tests of whole filters."""

from pathlib import Path

from wasmnb.compiler.dependencies.filter_source import Part, Source
from wasmnb.compiler.runtime_build.probe import probe
from wasmnb.compiler.source_filter import compile_source
from wasmnb.engine import Image, default_engine

STREAM = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream): pass\n"


def source_filter(text, filename="<filter>", *, first_line=1, path=()):
    """Compile a source as `Filter.from_source` does, and return the implementation of the filter."""
    return compile_source(Source((Part(text, filename, first_line),)), [Path(folder) for folder in path], None)


def said(source, **place):
    """Return the lines that a source logs while it loads, with their levels."""
    compiled = source_filter(source + "\n" + STREAM, **place)
    runtime, code = compiled.runtimes.get(compiled.requirements, default_engine())
    full = Image(code, None, compiled.placement(runtime).write)  # release modules have loaded their source
    return probe(full, runtime.pages, compiled.source.filename).log


def texts(source):
    """Return the lines that a source logs while it loads, without levels."""
    return [text for _, text in said(source)]

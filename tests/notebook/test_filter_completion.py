"""Tab completion inside filter classes."""

import pytest
from IPython.core.completer import provisionalcompleter

from wasmnb.notebook.filter_completion import filter_completions

HTTP = "%%wasmfilter x\nclass X(HttpContext):\n"


def names(text):
    return filter_completions(text).names


def test_def_completes_callbacks_with_their_parameters():
    assert "on_http_request_headers(self, num_headers, end_of_stream):" in names(HTTP + "    def on_http_req")
    assert names(HTTP + "    async def on_http_stream") == ["on_http_stream_done(self):"]


def test_def_completes_callbacks_of_the_enclosing_class_only():
    text = HTTP + "    pass\n\nclass P(wasmnb.PluginContext):\n    def on_"
    assert "on_tick(self):" in names(text)
    assert not [name for name in names(text) if "http_request" in name]


@pytest.mark.parametrize(
    ("callback", "available", "unavailable"),
    [
        ("on_http_request_headers", "request_headers", "response_headers"),
        ("on_http_response_headers", "response_headers", "request_headers"),
        ("on_http_request_body", "request_trailers", "request_headers"),
        ("on_http_response_trailers", "response_trailers", "response_headers"),
        ("on_http_stream_done", "response_headers", "request_trailers"),
    ],
)
def test_self_completes_the_maps_of_the_callback(callback, available, unavailable):
    offered = names(f"{HTTP}    def {callback}(self, *args):\n        self.")
    assert available in offered
    assert unavailable not in offered
    assert "send_local_response" in offered


def test_self_in_a_helper_completes_everything():
    offered = names(HTTP + "    def helper(self):\n        self.re")
    assert {"request_headers", "response_headers"} <= set(offered)


@pytest.mark.parametrize("text", ["def f(self):\n    self.", "class X(dict):\n    def ", "self.", "", HTTP + "    x = 1"])
def test_other_code_has_no_completions(text):
    assert names(text) == []


def test_shell_completes_filter_classes(run, shell):
    text = HTTP + "    def on_http_request_headers(self, num_headers, end_of_stream):\n        self.request_h"
    with provisionalcompleter():
        assert "request_headers" in {c.text for c in shell.Completer.completions(text, len(text))}

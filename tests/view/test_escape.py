"""Hostile text: nothing in a header, body, log or name becomes markup, a control sequence or a lone surrogate."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmnb.messages import Request, Response
from wasmnb.view.render.escape import escape
from wasmnb.view import exchange_html, exchange_text, log_html, log_text, trace_html, tree_html, visible

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x00\x1b[31m\u202e\udc80\r\nx"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\0b", "a\\x00b"),
        ("\x1b[2J", "\\x1b[2J"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\ud800", "\\ud800"),
        ("a\u202eb", "a\\u202eb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_every_character_is_visible(raw, shown):
    assert visible(raw) == shown


def test_escape_leaves_no_markup_in_text_or_attributes():
    assert escape("<a href=\"x\" title='y'>&") == "&lt;a href=&quot;x&quot; title=&#x27;y&#x27;&gt;&amp;"


@given(st.text() | st.binary())
def test_visible_text_prints_and_encodes(raw):
    shown = visible(raw)
    assert shown.isprintable()
    shown.encode("utf-8")


@given(st.text() | st.binary())
def test_escaped_text_reads_back_as_visible_text(raw):
    seen = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = seen.append
    parser.handle_starttag = lambda tag, attrs: pytest.fail(f"markup: {tag}")
    parser.feed(f"{escape(raw)}")
    parser.close()
    assert "".join(seen) == visible(raw)


class Tags(HTMLParser):
    """Collect tags and attributes, and check that tags nest."""

    VOID = ("img", "br", "hr")

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open = set(), set(), []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


ALLOWED_TAGS = {
    "div", "p", "span", "strong", "code", "ins", "del", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "details", "summary", "pre", "img",
}  # fmt: skip


def hostile_views(samples, text):
    raw = text.encode("utf-8", "surrogateescape")
    pairs = [(raw, raw), ("x", raw)]
    exchange = samples.exchange(
        request=Request(text, text, pairs, raw, [(raw, raw)], authority=text),
        upstream_request=Request("GET", text, [], b"\0" + raw),
        upstream_response=Response(200, pairs, b'{"a": "' + raw + b'"}', pairs),
        response=Response(500, pairs, raw),
        log=[samples.Line(text, thread=text)],
        events=[
            samples.Event(1, "callback", text, {text: raw, "m": {text: raw}, "p": [(raw, raw)]}, text, thread=text)
        ],
        state=text,
        worker=text,
    )
    tree = samples.proxy_tree()
    tree.children[0].children[0].label = text
    tree.children[0].name = text
    tree.facts[text] = text
    yield exchange_html(exchange), exchange_text(exchange)
    yield log_html(exchange.log), log_text(exchange.log)
    yield trace_html(exchange.events), ""
    yield tree_html(tree), ""


def test_hostile_text_is_escaped_in_every_view(samples):
    for html, text in hostile_views(samples, HOSTILE):
        tags = Tags(html)
        assert tags.tags <= ALLOWED_TAGS
        assert tags.attributes <= {"style", "class", "open", "src", "alt", "width"}
        assert "&lt;script&gt;" in html
        assert not re.search(r"[\x00\x1b\u202e\ud800-\udfff]", html + text)
        (html + text).encode("utf-8")


@given(text=st.text(min_size=1, max_size=40))
def test_html_is_well_formed_with_any_text(text):
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    spec = spec_from_file_location("view_stand_ins", Path(__file__).with_name("conftest.py"))
    stand_ins = module_from_spec(spec)
    import sys

    sys.modules["view_stand_ins"] = stand_ins
    spec.loader.exec_module(stand_ins)
    safe = text.encode("utf-8", "replace").decode()
    for html, _ in hostile_views(stand_ins.Samples(), safe):
        assert Tags(html).tags <= ALLOWED_TAGS

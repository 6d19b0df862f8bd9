"""The comparison of both proxies, with sample data."""

import re

from wasmnb.envoy import Difference, Pair, Parity
from wasmnb.view import document_of, mimebundle, to_html, to_text
from wasmnb.view.documents.traffic.comparison import parity_document

HEADERS = [("content-type", "text/plain"), ("x-filter", "auth")]


def pair(samples, number=1, differences=(), **fields):
    every = {"client status": (200, 200), "client headers": (HEADERS, HEADERS), "client body": (b"hi", b"hi")}
    every |= {name.replace("_", " "): sides for name, sides in fields.items()}
    shown = [(name, *sides) for name, sides in every.items()]
    return Pair(
        number, samples.exchange(), samples.exchange(), compared=len(shown), differences=list(differences), fields=shown
    )


def parity(*pairs, name="auth", more=()):
    differences = [d for p in pairs for d in p.differences]
    return Parity(name, list(pairs), sum(p.compared for p in pairs) + len(more), [*differences, *more])


def differing(samples, field, simulated, real):
    difference = Difference(f"request 1: {field}", simulated, real, "Look there.")
    return parity(pair(samples, differences=[difference], **{field: (simulated, real)}))


def test_title_has_the_agreement_and_each_request_has_a_line(samples):
    text = to_text(parity_document(parity(pair(samples), pair(samples, 2))))
    assert text.startswith("auth   100.0 % of 6 fields agree with Envoy")
    assert "2 requests through both proxies, no differences." in text
    assert len(re.findall(r"^ *\d  POST /pay\?x=1 +200 +200  3 of 3  none$", text, re.MULTILINE)) == 2


def test_only_different_headers_are_shown_as_differences(samples):
    real = [("content-type", "text/plain"), ("x-filter", "other"), ("x-more", "1")]
    text = to_text(parity_document(differing(samples, "client headers", HEADERS, real)))
    assert "66.7 % of 3 fields" in text
    part = text[text.index("~ request 1: client headers") : text.index("Look there.")]
    assert re.search(r"x-filter +auth +other$", part, re.MULTILINE)
    assert re.search(r"x-more +— +1$", part, re.MULTILINE)
    assert "content-type" not in part


def test_same_headers_in_another_order_are_a_difference_of_order(samples):
    text = to_text(parity_document(differing(samples, "client headers", HEADERS, HEADERS[::-1])))
    assert re.search(r"order +content-type, x-filter +x-filter, content-type", text)


def test_body_difference_shows_the_bytes_around_it(samples):
    text = to_text(parity_document(differing(samples, "client body", b"a" * 5000 + b"LEFT", b"a" * 5000 + b"RIGHT" + b"b" * 9000)))
    assert "from byte 5,000 on" in text
    assert "LEFT" in text
    assert "RIGHT" in text
    assert len(text) < 4000


def test_different_metric_is_listed_by_name(samples):
    metrics = Difference("all: metrics", {"hits": 2, "same": 1}, {"hits": 3, "same": 1, "new": 1}, "Look there.")
    text = to_text(parity_document(parity(pair(samples), more=[metrics])))
    assert re.search(r"hits +2 +3$", text, re.MULTILINE)
    assert re.search(r"new +— +1$", text, re.MULTILINE)
    assert not re.search(r"^ *same +1", text, re.MULTILINE)


def test_request_without_a_response_has_a_message(samples):
    silent = pair(samples)
    silent.real.response = None
    assert re.search(r"200 +none", to_text(parity_document(parity(silent))))


def test_many_differences_are_counted(samples):
    more = [Difference(f"request {n}: client status", 200, 500, "Look.") for n in range(100)]
    text = to_text(parity_document(parity(pair(samples), more=more)))
    assert text.count("client status") < 40
    assert "70 more differences: see parity.differences." in text


def test_partial_agreement_is_never_rounded_to_100_percent(samples):
    many = pair(samples)
    many.compared = 100_000
    text = to_text(parity_document(parity(many, more=[Difference("all: metrics", {"a": 1}, {}, "Look.")])))
    assert text.startswith("auth   99.9 %")


def test_both_sides_of_every_field_can_be_opened(samples):
    html = to_html(parity_document(parity(pair(samples, filter_log=(["one", "two"], ["one", "two"])))))
    assert "both sides" in html
    assert html.count(">one\ntwo<") == 2


def test_log_line_cannot_imitate_another(samples):
    text = to_text(parity_document(differing(samples, "filter log", ["a\nb"], ["c"])))
    assert "a\\nb" in text


def test_hostile_text_is_escaped_everywhere(samples):
    bad = "<script>alert(1)</script>\x1b[31m\u202e\udc80"
    hostile = differing(samples, "client headers", [(bad, bad)], [(bad, "x")])
    hostile.name = bad
    hostile.differences += [
        Difference(bad, bad, [bad], bad),
        Difference(bad, {bad: bad}, {bad: 1}, bad),
        Difference(bad, (bad,), None, bad),
        Difference(bad, bad.encode("utf-8", "surrogateescape"), b"", bad),
    ]
    hostile.pairs[0].simulated.request.path = bad
    html, text = to_html(parity_document(hostile)), to_text(parity_document(hostile))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"[\x00\x1b\u202e\ud800-\udfff]", html + text)


def test_notebook_shows_html_and_text(samples):
    report = parity(pair(samples))
    assert document_of(report).blocks
    assert report._repr_mimebundle_() == mimebundle(report)
    assert mimebundle(report)["text/html"].startswith('<div class="wasmnb"')
    assert repr(report) == "<Parity of auth: 1 requests, 100.0 % agree>"

"""HTML and text of one document, readable without styles."""

import pytest
from wcwidth import wcswidth

from tests.view.number_texts import COUNTS, DURATIONS, SIZES
from wasmnb.view import to_html, to_text
from wasmnb.view.render.document import CodeBlock, Column, Document, Fold, OutlineItem, Outline, Paragraph, Row, TextSpan, Table, Title, inline
from wasmnb.view.render.units import count, duration, plural, size


def table(*rows, **options):
    return Document(
        (Table((Column("name"), Column("n", "right")), tuple(Row(tuple(map(inline, r))) for r in rows), **options),)
    )


def test_text_tables_are_aligned_by_display_width():
    lines = to_text(table(("ab", "1"), ("漢字", "10"))).splitlines()
    assert lines == ["name   n", "────  ──", "ab     1", "漢字  10"]


def test_long_cells_are_cut_in_text_and_kept_in_html():
    document = table(("x" * 100, "1"), cut=10)
    assert "xxxxxxxxxx… (90 more)" in to_text(document)
    assert "x" * 100 in to_html(document)


def test_cells_of_several_lines_stay_in_their_column():
    row = Row((inline("a"), inline(TextSpan("one\n two", "lines"))))
    text = to_text(Document((Table((Column("k"), Column("v")), (row,)),)))
    assert text.splitlines()[2:] == ["a  one", "    two"]


def test_outlines_are_trees_and_folded_nodes_stay_closed():
    items = (
        OutlineItem(
            inline("top"),
            (OutlineItem(inline("one"), (OutlineItem(inline("in")),)), OutlineItem(inline("two"), (OutlineItem(inline("x")),), folded=True)),
        ),
    )
    document = Document((Outline(items),))
    assert to_text(document).splitlines() == ["top", "├─ one", "│  └─ in", "└─ ▸ two"]
    html = to_html(document)
    assert html.count("<details open>") == 2
    assert html.count("<details>") == 1


def test_long_folds_show_their_length():
    fold = Fold(inline("all"), (CodeBlock("\n".join("x" * 99)),))
    assert to_text(Document((fold,))) == "all  (99 lines)"


def test_marked_line_of_code_has_an_arrow():
    assert to_text(Document((CodeBlock("a\nb", marked=1),))).splitlines() == ["      a", "    ❱ b"]


@pytest.mark.parametrize("text", ["é", "e\u0301", "日本", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "नि", "µs"])
def test_columns_with_wide_and_combining_characters_are_aligned(text):
    head, _, first, second = to_text(table([text, "7"], ["abcdefghijklmnopqrstuvwxyz", "8"])).splitlines()
    assert len({wcswidth(line) for line in (head, first, second)}) == 1


def test_title_is_underlined_and_paragraphs_follow():
    assert to_text(Document((Title(inline("Hi")), Paragraph(inline("there"))))) == "Hi\n━━\nthere"


def test_numbers_have_readable_units():
    assert {n: duration(n) for n in DURATIONS} == DURATIONS
    assert {n: size(n) for n in SIZES} == SIZES
    assert {n: count(n) for n in COUNTS} == COUNTS
    assert [count(n) for n in (0.25, 1234.5)] == ["0.25", "1,234"]
    assert plural(1, "VM") == "1 VM"
    assert plural(2000, "VM") == "2,000 VMs"

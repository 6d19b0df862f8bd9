"""Parts of the collection of a class: constants as text, obstacles, names in statements."""

import math

import pytest

import wasmnb
from wasmnb.compiler.cell_source.value_literals import literal, obstacle
from wasmnb.compiler.cell_source.ast_statements import SourceText


@pytest.mark.parametrize(
    "value",
    [None, True, 1, -2.5, 1j, "é", b"\0", ..., (), (1,), [], {}, set(), frozenset(), {1: [2, (3,)], "a": {4, 5}}, frozenset({1})],
)  # fmt: skip
def test_constants_round_trip_through_their_text(value):
    again = eval(literal(value))
    assert again == value and type(again) is type(value)


def test_non_finite_numbers_have_a_literal():
    assert eval(literal(math.inf)) == math.inf
    assert math.isnan(eval(literal(math.nan)))


def test_other_values_have_no_literal():
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(5000):
        deep = [deep]
    for value in (object(), [object()], loop, deep, type("S", (str,), {})("x"), print):
        assert literal(value) is None


def test_star_import_keeps_builtin_filter():
    space = {}
    exec("from wasmnb import *", space)
    assert "filter" not in space
    assert "filter" in dir(wasmnb)


def test_most_values_can_be_copied():
    assert [obstacle(v) for v in (1, "x", object(), print, wasmnb.HttpContext)] == [""] * 5


@pytest.mark.parametrize(
    ("text", "now", "later", "annotations"),
    [
        ("def f(a, b=c): d = 1; return a + d + e", {"c"}, {"e"}, set()),
        ("class A(b): c = d\n", {"b", "d"}, set(), set()),
        ("def f(x: a.b, *y: 'c[d]') -> e: z: g = 1; return z", set(), set(), set()),
        ("x = [i for i in y if i in z]", {"y", "z"}, set(), set()),
        ("def f():\n global n\n n += 1", set(), {"n"}, set()),
        ("class A:\n b: c\n d: 'e[g]' = f\n def h(self): i: j", {"f"}, set(), {"c", "e", "g"}),
        ("@a.b(c)\ndef f(): lambda g=h: g + i", {"a", "c"}, {"h", "i"}, set()),
        ("x = await y", {"y"}, set(), set()),
        ("x = lambda a: b(a)", set(), {"b"}, set()),
    ],
)
def test_statement_uses_are_found(text, now, later, annotations):
    (statement,) = SourceText("x", text).statements
    uses = statement.uses
    assert (uses.now, uses.later, uses.annotations) == (now, later, annotations)


def test_statements_on_one_line_are_separated():
    assert [s.text for s in SourceText("x", "a = 1; b = '''\n'''\nif a: c = 2\n").statements] == [
        "a = 1",
        "b = '''\n'''",
        "if a: c = 2\n",
    ]

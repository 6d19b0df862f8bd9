"""The reader of tracebacks, compared with the exceptions that Python has formatted."""

import traceback

import pytest

from wasmnb.parsing.tracebacks import conclusion_of, parse_traceback, summary_of
from wasmnb.sdk.diagnostics.tracebacks import format_exception

CELL = 'File "Cell In[8]"'
CHAIN = f"""\
Traceback (most recent call last):
  {CELL}, line 4, in lookup
    return {{}}[user]
           ~~^^^^^^
KeyError: 'ann'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  {CELL}, line 6, in lookup
    raise ValueError(user) from error
ValueError: ann
"""
LOCALS = f"""Traceback (most recent call last):
  {CELL}, line 3, in on_http_request_headers
    self.check(user)
    ~~~~~~~~~~^^^^^^
    local self = <F 2>
    local user = 'ann\x1b[31m'
  File "/python/json/decoder.py", line 345, in decode
    local s = '<script>'
ValueError: local no = 1"""
REPEATED = f"""Traceback (most recent call last):
  {CELL}, line 2, in lookup
    def lookup(user):
    ~~~~~~^^^
  [Previous line repeated 974 more times]
RecursionError: maximum recursion depth exceeded
"""


def raised(error):
    """The exception with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def chained():
    try:
        raise raised(KeyError("first\nof two")) from ValueError("the cause")
    except KeyError:
        return raised(LookupError("last\n\nof three"))


def with_notes():
    error = raised(ValueError("message"))
    error.add_note("note\nof two lines")
    return error


def syntax_error():
    try:
        compile("x = (\n", "Cell In[1]", "exec")
    except SyntaxError as error:
        return error


ERRORS = {
    "plain": raised(KeyError("x")),
    "no message": raised(ValueError()),
    "several lines": raised(ValueError("a\nsecond line")),
    "an indented message": raised(ValueError('a\n  File "x", line 1, in f\n    return 1')),
    "a quoted header": raised(ValueError("Traceback (most recent call last): is a header")),
    "notes": with_notes(),
    "a chain": chained(),
    "a syntax error": syntax_error(),
}


@pytest.mark.parametrize("formatted", [format_exception, lambda e: "".join(traceback.format_exception(e))])
@pytest.mark.parametrize("name", ERRORS)
def test_last_exception_has_pythons_type_and_message(name, formatted):
    error = ERRORS[name]
    last = parse_traceback(formatted(error))[-1]
    printed = "".join(traceback.format_exception_only(error)).rstrip("\n")
    assert printed.endswith(last.conclusion)
    assert printed.removesuffix(last.conclusion).strip(" ^\n") in ("", 'File "Cell In[1]", line 1\n    x = (')
    assert last.type == type(error).__name__
    assert (last.joint, last.group) == ("", "")


def test_exceptions_of_a_chain_keep_their_messages():
    parsed = parse_traceback("".join(traceback.format_exception(ERRORS["a chain"])))
    assert [e.conclusion for e in parsed] == ["ValueError: the cause", "KeyError: 'first\\nof two'", "LookupError: last\n\nof three"]
    assert [e.joint.split()[0] for e in parsed[:-1]] == ["The", "During"]


def test_group_keeps_its_text_and_has_the_conclusion_of_the_group():
    error = raised(ExceptionGroup("two\nlines", [ValueError("a"), raised(KeyError("b"))]))
    error.add_note("note")
    text = "".join(traceback.format_exception(error))
    (group,) = parse_traceback(text)
    assert group.conclusion == "ExceptionGroup: two\nlines (2 sub-exceptions)\nnote"
    assert [frame.name for frame in group.frames] == ["raised"]
    assert group.group == text.rstrip()


def test_frames_have_places_and_source_lines():
    first, second = parse_traceback(CHAIN)
    assert [(f.lineno, f.name, f.text) for f in first.frames] == [(4, "lookup", "return {}[user]")]
    assert [(f.filename, f.lineno) for f in second.frames] == [("Cell In[8]", 6)]


def test_variables_belong_to_the_frame_above_them():
    (parsed,) = parse_traceback(LOCALS)
    first, second = parsed.frames
    assert (first.text, first.variables) == ("self.check(user)", ("self = <F 2>", "user = 'ann\x1b[31m'"))
    assert (second.text, second.variables) == ("", ("s = '<script>'",))
    assert parsed.conclusion == "ValueError: local no = 1"


def test_recursion_has_the_number_of_repeated_frames():
    ((frame,),) = [parsed.frames for parsed in parse_traceback(REPEATED)]
    assert frame.repeated == "Previous line repeated 974 more times"


def test_lines_before_the_traceback_are_ignored():
    parsed = parse_traceback(f"Exception ignored in <function F.__del__>:\n{CHAIN}")
    assert parsed[-1].conclusion == "ValueError: ann"
    (single,) = parse_traceback(f"Exception ignored in <function F.__del__>:\n{LOCALS}")
    assert single.type == "ValueError"


@pytest.mark.parametrize(
    "text",
    ["", "wasm backtrace:\n  0: 0x1234 - <unknown>", "just a line", "it said Traceback (most recent call last): and more"],
)
def test_other_text_contains_no_exception(text):
    assert parse_traceback(text) == []


def test_conclusion_is_the_whole_message_and_summary_its_first_line():
    text = format_exception(ERRORS["several lines"])
    assert conclusion_of(text) == "ValueError: a\nsecond line"
    assert summary_of(text) == "ValueError: a"
    assert summary_of(f"proxy_on_tick failed: x\n{text}") == "ValueError: a"


def test_text_without_a_traceback_is_concluded_by_its_last_line():
    assert conclusion_of("MemoryError (its traceback cannot be shown)").startswith("MemoryError")
    assert conclusion_of("panicked at lib.rs:3:1:\nindex out of bounds\n") == "index out of bounds"


def test_long_conclusion_is_shortened():
    text = CHAIN.replace("ValueError: ann", "ValueError: " + "x" * 10_000)
    assert len(conclusion_of(text)) < 600
    assert conclusion_of(text).endswith("… (9,512 more)")


@pytest.mark.parametrize("file", ['a"b', 'a", line 7, in b', '"', ""])
def test_file_names_may_have_quotes(file):
    (parsed,) = parse_traceback(f'Traceback (most recent call last):\n  File "{file}", line 3, in f\n    x\nValueError: no\n')
    assert parsed.summary == "ValueError: no"
    assert len(parsed.frames) == 1


def test_exception_without_frames_has_none():
    (parsed,) = parse_traceback("Traceback (most recent call last):\nValueError: no\n")
    assert (parsed.frames, parsed.conclusion) == ([], "ValueError: no")

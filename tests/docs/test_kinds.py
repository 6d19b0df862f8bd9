"""The sessions of docs/kinds.md behave as the page says."""

import doctest
import re
from pathlib import Path

from wasmnb import Filter

PAGE = Path(__file__).parents[2] / "docs" / "kinds.md"


def test_sessions_behave_as_documented():
    text = PAGE.read_text()
    (source,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    session = "\n".join(re.findall(r"^```pycon\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    names = {"deny": Filter.from_source(source, "deny")}
    test = doctest.DocTestParser().get_doctest(session, names, "docs/kinds.md", str(PAGE), 0)
    differences = []
    doctest.DocTestRunner(verbose=False).run(test, out=differences.append, clear_globs=False)
    test.globs["proxy"].close()
    assert test.examples and not differences, "".join(differences)


def test_every_kind_is_in_the_table():
    from wasmnb.abi import KINDS

    assert re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE) == list(KINDS)

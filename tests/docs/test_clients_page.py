"""docs/clients.md: its sessions run as they are shown."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


def test_sessions_of_the_page_run_as_they_are_shown():
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    output = []
    doctest.DocTestRunner().run(test, out=output.append)
    assert not output, "".join(output)
    assert len(test.examples) > 30

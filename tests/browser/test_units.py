"""Numbers in the panel, compared with numbers in documents."""

import random
from pathlib import Path

import pytest

import wasmnb.view.panel
from tests.view.number_texts import COUNTS, DURATIONS, SIZES
from wasmnb.view.render.units import count, duration, plural, size

UNITS = Path(wasmnb.view.panel.__file__).parent / "js" / "data" / "units.js"
ORIGIN = "http://units.test"

FORMAT = """async ([address, name, numbers]) => {
    const format = (await import(address))[name];
    return numbers.map((number) => format(number));
}"""


@pytest.fixture(scope="module")
def javascript(browser):
    """Format numbers with a function of the panel's `data/units.js`."""
    page = browser.new_page()
    page.route(f"{ORIGIN}/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    page.route(
        f"{ORIGIN}/units.js",
        lambda route: route.fulfill(body=UNITS.read_text("utf-8"), content_type="text/javascript"),
    )
    page.goto(f"{ORIGIN}/")
    yield lambda name, numbers: page.evaluate(FORMAT, [f"{ORIGIN}/units.js", name, list(numbers)])
    page.close()


@pytest.mark.parametrize(("name", "texts"), [("duration", DURATIONS), ("bytes", SIZES), ("count", COUNTS)])
def test_panel_formats_the_table_of_numbers(javascript, name, texts):
    assert dict(zip(texts, javascript(name, texts), strict=True)) == texts


def test_panel_and_documents_format_random_numbers_the_same(javascript):
    drawn = random.Random(7)
    floats = [drawn.choice((1, -1)) * 10 ** drawn.uniform(-2, 15) for _ in range(5_000)]
    halves = [drawn.randrange(1, 1_000_000) / 8 * 10 ** drawn.randrange(7) for _ in range(5_000)]
    integers = [drawn.randrange(10 ** drawn.randrange(1, 15)) for _ in range(5_000)]
    numbers = [*floats, *halves, *integers]
    assert javascript("duration", numbers) == [duration(n) for n in numbers]
    assert javascript("bytes", [abs(n) for n in numbers]) == [size(abs(n)) for n in numbers]
    assert javascript("count", integers) == [count(n) for n in integers]
    assert javascript("bytes", range(999)) == [plural(n, "byte") for n in range(999)]

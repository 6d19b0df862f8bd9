"""A profile as tables: the source with its costs, and hostile source as text."""

from wasmnb.traffic.profile_report import CallbackCost, HostcallCost, LineCost, ObserverCost, ProfiledSource, ProfileReport
from wasmnb.view import mimebundle, profile_text


def cost(lineno, share, **options):
    return LineCost("Cell In[1]", lineno, "F.f", 1.0, share * 1e5, share * 2e5, share, options.get("hostcalls", {}))


def report(text="a = 1\n<script>alert('\x1b[31m')</script>\nc = 3", **options):
    source = ProfiledSource("Cell In[1]", 5, text, {6: cost(6, 0.75, hostcalls={"log": 2.0, "http_call": 0.5}), 7: cost(7, 0.004)})
    return ProfileReport(
        "auth",
        100,
        [CallbackCost("auth", "on_request_headers", 100, 20_000_000, 12345.6)],
        [HostcallCost("log", 200, 400_000)],
        [source],
        around=50_000.0,
        observer=ObserverCost(200.0, 3864.0, 0.13),
        statuses={200: 100},
        **options,
    )


def test_lines_are_shown_in_their_source_with_bars():
    lines = profile_text(report()).splitlines()
    assert lines[0] == "Profile of auth: 200 µs per request"
    hot = next(line for line in lines if "script" in line)
    assert hot.split()[:6] == ["6", "1", "150", "µs", "75.0%", "████████"]
    assert "  2 log, 0.50 http_call  " in hot
    assert next(line for line in lines if line.endswith("a = 1")).split() == ["5", "a", "=", "1"]
    assert "0.4%" in next(line for line in lines if line.endswith("c = 3"))


def test_profile_states_its_accuracy():
    text = profile_text(report())
    assert "200 events per request of 3,864 instructions each" in text
    assert "13% more instructions" in text
    assert "25%" in text  # outside the filter's lines


def test_hostile_source_is_escaped_in_every_form():
    bundle = mimebundle(report())
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"] + bundle["text/html"]


def test_long_source_shows_the_lines_around_executed_ones():
    text = profile_text(report("\n".join(f"line_{n} = 1" for n in range(5, 2000))))
    assert "line_8 = 1" in text
    assert "line_20 = 1" not in text


def test_profile_without_lines_shows_the_reason():
    text = profile_text(ProfileReport("auth", 1, reason="There are no lines: foreign."))
    assert "There are no lines: foreign." in text

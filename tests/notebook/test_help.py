"""Help, completion and configuration of all magics."""

import pytest
from jupyter_client.manager import start_new_kernel

from wasmnb.notebook.completion import candidates
from wasmnb.notebook.install import MAGICS
from wasmnb.notebook.magics.filters import WasmMagics
from wasmnb.view.mimebundle import attached_panel

FILTER = """\
%%wasmfilter hello{flags}
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        pass
"""
NAMES = sorted({name for kind in MAGICS for table in kind.magics.values() for name in table})


@pytest.fixture
def run(run, shell):
    yield run
    shell.config.pop("WasmMagics", None)  # %config also applies to later instances


def magics(shell):
    """The instance with the defaults."""
    return shell.magics_manager.registry["WasmMagics"]


# -- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_magic_has_help_with_an_example(shell, run, name):
    text = (shell.find_line_magic(name) or shell.find_cell_magic(name)).__doc__
    usage, _, rest = text.partition("\n\n")[2].partition("\n\n")
    assert f"%{name}" in usage
    assert rest.split("\n")[0].strip()[0].isupper()
    assert "xample" in rest
    assert f"%{name} " in rest.partition("positional arguments")[0], "no example of its own"


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_has_help(shell, run, name):
    function = shell.find_line_magic(name) or shell.find_cell_magic(name)
    for action in function.__self__.parsers()[name]._actions if hasattr(function, "__self__") else ():
        assert action.help, action.dest
        assert action.help.rstrip()[-1] in ".)", action.help


def test_question_mark_shows_the_help(run, capsys):
    run("%%wasmfilter?")
    shown = capsys.readouterr().out
    assert "class Hello(HttpContext)" in shown
    assert "--workers N, -w N" in shown


# -- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trait", sorted(WasmMagics.class_traits(config=True)))
def test_every_default_is_listed_with_help(run, capsys, trait):
    run("%config WasmMagics")
    assert f"WasmMagics.{trait}=" in capsys.readouterr().out
    assert WasmMagics.class_traits()[trait].help


@pytest.mark.parametrize(
    ("trait", "value", "read"),
    [
        ("workers", 3, lambda proxy: len(proxy.workers)),
        ("deadline", 0.75, lambda proxy: proxy.simulation.deadline),
    ],
)
def test_defaults_apply_to_new_filters(run, shell, trait, value, read):
    run(f"%config WasmMagics.{trait} = {value}")
    assert read(run(FILTER.format(flags=""))) == value
    assert read(run(FILTER.format(flags=f" --{trait} 2"))) == 2


def test_seed_has_a_default(run, shell):
    def request_id(flags):
        return run(FILTER.format(flags=flags)).get("/").upstream_request.headers["x-request-id"]

    run("%config WasmMagics.seed = 7")
    assert request_id("") == request_id(" --seed 7") != request_id(" --seed 8")


@pytest.mark.slow
def test_number_of_requests_of_a_load_has_a_default(run):
    run(FILTER.format(flags=""))
    run("%config WasmMagics.requests = 17")
    assert run("%wasmload hello").count == 17
    assert run("%wasmload hello --requests 3").count == 3


def test_panel_can_be_switched_off_and_on(run):
    run("%config WasmMagics.panel = 'on'")
    panel = run(FILTER.format(flags=" --seed 3")).panel()
    panel.refresh(everything=True)
    assert panel.widget.head["seed"] == 3
    run("%config WasmMagics.panel = 'off'")
    run("del hello")
    assert attached_panel(run(FILTER.format(flags=""))) is None


@pytest.mark.parametrize("line", ["workers = 65", "workers = 0", "progress = 'loud'", "deadline = -1.0"])
def test_invalid_default_is_an_error(run, shell, caplog, line):
    trait = line.split(" ")[0]
    before = getattr(magics(shell), trait)
    run(f"%config WasmMagics.{line}")
    assert f"'{trait}' trait of a WasmMagics instance" in caplog.text
    assert getattr(magics(shell), trait) == before


def test_reloading_keeps_filters_and_loads_each_magic_once(run, shell):
    proxy = run(FILTER.format(flags=""))
    for command in ("%load_ext wasmnb", "%reload_ext wasmnb", "%unload_ext wasmnb", "%load_ext wasmnb"):
        run(command)
    assert shell.user_ns["hello"] is proxy
    assert proxy.state == "running"
    assert [type(c).__name__ for c in shell.configurables].count("WasmMagics") == 1
    assert len(shell.Completer.custom_matchers) == 1


# -- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "word", "offered"),
    [
        ("%wasmlog ", "", {"auth", "hello"}),
        ("%wasmlog he", "he", {"hello"}),
        ("%wasmlog hello ", "", set()),
        ("%wasmlog --level ", "", {"trace", "debug", "info", "warn", "error", "critical"}),
        ("%wasmlog --level w", "w", {"warn"}),
        ("%wasmlog --level warn a", "a", {"auth"}),
        ("%wasmlog hello --l", "--l", {"--level"}),
        ("x = %wasmcurl h", "h", {"hello"}),
        ("%wasmcurl --http2 h", "h", {"hello"}),
        ("%wasmcurl -H h", "h", set()),
        ("%%wasmfilter hello --wor", "--wor", {"--workers"}),
        ("%nosuch h", "", set()),
        ("hello", "", set()),
    ],
)
def test_completions_fit_the_position(run, shell, line, word, offered):
    completions = candidates(line, magics(shell).parsers(), ["auth", "hello"])
    assert (completions[0], set(completions[1])) == (word, offered)


@pytest.mark.parametrize("name", NAMES)
def test_every_magic_completes_its_flags_and_the_names_of_filters(run, shell, name):
    (kind,) = (k for k in MAGICS if any(name in table for table in k.magics.values()))
    parsers = shell.magics_manager.registry[kind.__name__].parsers()
    flags = {s for action in parsers[name]._actions for s in action.option_strings if s.startswith("--")}
    assert flags <= set(candidates(f"%{name} --", parsers, [])[1])
    assert candidates(f"%{name} hel", parsers, ["hello"])[1] == ["hello"]


@pytest.mark.slow
def test_kernel_completes_for_a_front_end():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        for code in ("%load_ext wasmnb", FILTER.format(flags=" --workers 1")):
            assert client.execute(code, reply=True, timeout=120)["content"]["status"] == "ok"
        for typed, offered in (("%wasmcurl hel", "hello"), ("%wasmcurl hello --head", "--header"), ("%wasmlog --level w", "warn")):
            content = client.complete(typed, len(typed), reply=True, timeout=30)["content"]
            assert offered in content["matches"]
            assert typed[content["cursor_start"] :] and offered.startswith(typed[content["cursor_start"] :])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

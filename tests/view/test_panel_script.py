"""The panel's script: it is made from today's modules, and an old or missing one is an error."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wasmnb.view.panel
from wasmnb import BuildError
from wasmnb.view.panel.widget import PanelWidget, read_script

FOLDER = Path(wasmnb.view.panel.__file__).parent


def undefined_names(file):
    """Syntax errors and undefined names in a file, as reported by oxlint."""
    command = [Path(sys.executable).with_name("oxlint"), "-c", ".oxlintrc.json", "-A", "all", "-D", "no-undef", file]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    return run.stdout if run.returncode else ""


def test_script_equals_the_modules_joined_now():
    from panel_build.write import joined  # the parser is slow to load

    assert (FOLDER / "panel.js").read_text("utf-8") == joined()


def test_widget_sends_the_script_to_the_browser():
    assert PanelWidget(lambda _action, _values: None)._esm == read_script()


def test_script_parses_and_leaves_no_name_undefined(tmp_path):
    assert undefined_names(FOLDER / "panel.js") == ""
    broken = tmp_path / "broken.js"
    broken.write_text(read_script().replace("function append(", "function removed(", 1))
    assert "'append' is not defined" in undefined_names(broken)


def test_every_export_of_the_panels_modules_is_imported():
    from panel_build.join import unused_exports

    assert unused_exports(FOLDER / "js" / "index.js") == []


def test_every_module_of_the_panel_is_joined():
    joined = [line[3:] for line in read_script().splitlines() if line.startswith("// ") and line.endswith(".js")]
    assert sorted(joined) == sorted(file.relative_to(FOLDER / "js").as_posix() for file in (FOLDER / "js").rglob("*.js"))


@pytest.fixture
def copy(tmp_path):
    """A copy of the script and its modules."""
    shutil.copy2(FOLDER / "panel.js", tmp_path)
    shutil.copytree(FOLDER / "js", tmp_path / "js")
    assert read_script(tmp_path) == read_script()
    return tmp_path


def test_missing_script_is_an_error_that_names_the_command(copy):
    (copy / "panel.js").unlink()
    with pytest.raises(BuildError, match=r"panel\.js doesn't exist.*`make panel`"):
        read_script(copy)


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_script_older_than_its_modules_is_an_error(copy, change):
    file = copy / "js" / "selection.js"
    if change == "edit":
        file.write_text(file.read_text().replace("Selection", "Choice"))
    elif change == "add":
        (copy / "js" / "new.js").write_text("")
    else:
        file.unlink()
    with pytest.raises(BuildError, match=r"panel\.js is older than the modules.*`make panel`"):
        read_script(copy)


def test_installed_script_needs_no_modules(copy):
    shutil.rmtree(copy / "js")
    assert read_script(copy) == read_script()

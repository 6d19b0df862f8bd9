"""The joiner of the front end's modules."""

import subprocess
import sys
from pathlib import Path

import pytest

import wasmnb.view.panel
from wasmnb.view.panel.bundle import bundle
from wasmnb.view.panel.widget import PanelWidget

JS = Path(wasmnb.view.panel.__file__).parent / "js"


@pytest.fixture
def write(tmp_path):
    """Write modules and return the path of the first one."""

    def writer(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path / f"{next(iter(modules))}.js"

    return writer


def undefined_names(file):
    """Syntax errors and undefined names in a file, as reported by oxlint."""
    command = [Path(sys.executable).with_name("oxlint"), "-c", ".oxlintrc.json", "-A", "all", "-D", "no-undef", file]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    return run.stdout if run.returncode else ""


def test_widget_has_every_module_in_its_bundle():
    source = str(PanelWidget._esm)
    for file in JS.rglob("*.js"):
        assert f"\n// {file.relative_to(JS).as_posix()}\n" in f"\n{source}", file


def test_bundle_parses_and_leaves_no_name_undefined(tmp_path):
    file = tmp_path / "bundle.js"
    file.write_text(bundle(JS / "index.js"))
    assert undefined_names(file) == ""
    file.write_text(file.read_text().replace("function append(", "function removed(", 1))
    assert "'append' is not defined" in undefined_names(file)


def test_modules_keep_private_names_to_themselves(write):
    entry = write(
        main='import { size } from "./other.js";\n\nconst LIMIT = 1;\nexport default LIMIT + size();\n',
        other="const LIMIT = 2;\nexport function size() {\n  return LIMIT;\n}\n",
    )
    assert bundle(entry) == (
        "// other.js\nconst module0 = (() => {\nconst LIMIT = 2;\nfunction size() {\n  return LIMIT;\n}\nreturn { size };\n})();\n"
        "// main.js\nconst module1 = (() => {\nconst { size: size } = module0;\nconst LIMIT = 1;\nconst $default = LIMIT + size();\n"
        "return { default: $default };\n})();\nexport default module1.default;\n"
    )


def test_module_that_two_others_import_is_evaluated_once(write):
    entry = write(
        main='import { a } from "./a.js";\nimport { b as c } from "./b.js";\nexport default a + c;\n',
        a='import { base } from "./base.js";\nexport const a = base;\n',
        b='import { base } from "./base.js";\nexport const b = base;\n',
        base="export const base = 1;\n",
    )
    source = bundle(entry)
    assert source.count("// base.js") == 1
    assert "const { b: c } = module2;" in source


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"a": 'import { b } from "./b.js";\n', "b": 'import { a } from "./a.js";\nexport const b = 1;\n'}, "in a circle: a.js -> b.js -> a.js"),
        ({"a": 'import { c } from "./b.js";\n', "b": "export const b = 1;\n"}, "a.js imports c, but ./b.js doesn't export it"),
        ({"a": 'import b from "./b.js";\n'}, 'a.js contains an unsupported form of import or export: import b from "./b.js";'),
        ({"a": 'import { b } from "lodash";\n'}, "unsupported form"),
        ({"a": 'export * from "./b.js";\n'}, "unsupported form"),
        ({"a": "export { a };\n"}, "unsupported form"),
    ],
)  # fmt: skip
def test_unsupported_module_is_an_error_that_names_the_file(write, modules, message):
    with pytest.raises(ValueError, match=".") as error:
        bundle(write(**modules))
    assert message in str(error.value)


def test_missing_module_is_an_error(write):
    with pytest.raises(FileNotFoundError, match="absent"):
        bundle(write(a='import { b } from "./absent.js";\n'))

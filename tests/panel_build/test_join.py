"""The joiner of ES modules: scopes, order, names, and modules that it refuses. Chromium runs joined modules in tests/browser."""

import re

import pytest


@pytest.fixture
def write(tmp_path):
    """Write modules and return the path of the first one."""

    def writer(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path / f"{next(iter(modules))}.js"

    return writer


@pytest.fixture
def join():
    from panel_build.join import join  # the parser is slow to load

    return join


def test_modules_keep_private_names_to_themselves(write, join):
    entry = write(
        main='import { size } from "./other.js";\n\nconst LIMIT = 1;\nexport default LIMIT + size();\n',
        other="const LIMIT = 2;\nexport function size() {\n  return LIMIT;\n}\n",
    )
    assert join(entry) == (
        "// other.js\nconst module0 = (() => {\nconst LIMIT = 2;\nfunction size() {\n  return LIMIT;\n}\n"
        "return Object.freeze({ __proto__: null, size });\n})();\n"
        "// main.js\nconst module1 = (() => {\nconst { size } = module0;\nconst LIMIT = 1;\nconst $default = LIMIT + size();\n"
        "return Object.freeze({ __proto__: null, default: $default });\n})();\nexport default module1.default;\n"
    )


def test_module_that_two_others_import_is_evaluated_once(write, join):
    entry = write(
        main='import { a } from "./a.js";\nimport { b as c } from "./b.js";\nexport default a + c;\n',
        a='import { base } from "./base.js";\nexport const a = base;\n',
        b='import { base } from "./base.js";\nexport const b = base;\n',
        base="export const base = 1;\n",
    )
    source = join(entry)
    assert source.count("// base.js") == 1
    assert "const { b: c } = module2;" in source


@pytest.mark.parametrize(
    "text",
    [
        "`\nexport const y = 1\nimport z from './z.js'\n${`\nexport default ${1}`}`",
        "1 /*\nimport { a } from \"./a.js\";\nexport const y = 1;\n*/",
        "'export default 1' + \"import './a.js'\"",
        "/export const y = `import/",
        "1 // import './a.js'\n",
        "{ import: 1, export: 2, default: 3 }.export",
    ],
)  # fmt: skip
def test_text_that_looks_like_an_import_or_export_isnt_changed(write, join, text):
    source = join(write(main=f"const x = {text};\nexport default x;\n"))
    assert f"const x = {text};\n" in source
    assert re.findall(r"return Object.freeze\((.*)\);", source) == ["{ __proto__: null, default: $default }"]


def test_names_of_the_joined_module_differ_from_those_of_the_sources(write, join):
    source = join(write(main='import { a } from "./a.js";\nconst module0 = 1, $default = 2;\nexport default a;\n', a="export const a = 1;\n"))
    assert "const { a } = module_0;" in source
    assert "const $default_ = a;" in source


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"a": 'import { b } from "./b.js";', "b": 'import { a } from "./a.js";\nexport const b = 1;'}, "in a circle: a.js -> b.js -> a.js. "),
        ({"a": 'export * from "./a.js";'}, "in a circle: a.js -> a.js. "),
        ({"a": 'import { c } from "./b.js";', "b": "export const b = 1;"}, "a.js imports c, but ./b.js doesn't export it."),
        ({"a": 'import b from "./b.js";', "b": "export const b = 1;"}, "a.js imports default, but ./b.js doesn't export it."),
        ({"a": 'import b from "./b.js";', "b": "const b = `\nexport default 1\n`;"}, "a.js imports default, but ./b.js doesn't export it."),
        ({"a": '\nimport { b } from "lodash";'}, 'a.js, line 2: "lodash" is not supported.'),
        ({"a": 'import b from "./b.json" with { type: "json" };'}, "a.js, line 1: Import attributes"),
        ({"a": "export { a };"}, "a.js, line 1: a is exported, but it isn't a constant"),
        ({"a": "let a = 1;\nexport { a as b };"}, "a.js, line 2: a is exported, but it isn't a constant"),
        ({"a": "export let a = 1;"}, "a.js, line 1: a is exported, but it isn't a constant"),
        ({"a": "export const a = 1;\nexport { a };"}, "a.js, line 2: a is exported twice."),
        ({"a": 'export * from "./b.js";\nexport * from "./c.js";', "b": "export const b = 1;", "c": "export const b = 2;"}, "a.js exports b of two modules: ./b.js and ./c.js."),
        ({"a": 'const b = () => import("./b.js");'}, "a.js, line 1: import() is not supported."),
        ({"a": "const b = import.meta.url;"}, "a.js, line 1: import.meta is not supported"),
        ({"a": "const b = await 1;"}, "a.js, line 1: await outside of a function"),
        ({"a": "if (1) {\n  for await (const b of []) {}\n}"}, "a.js, line 2: await outside of a function"),
        ({"a": "return;"}, "a.js, line 1: return outside of a function"),
        ({"a": "const b = 1;\nconst c = (;"}, "a.js, line 2: Syntax error."),
        ({"a": "export const b = 1;"}, "a.js has no default export."),
        ({"a": "export default class {}\n(1);"}, "a.js, line 1: Put a semicolon after this default export."),
        ({"a": "export default async function () {}\n[1]"}, "a.js, line 1: Put a semicolon after this default export."),
    ],
)  # fmt: skip
def test_unsupported_module_is_an_error_that_names_the_file(write, join, modules, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        join(write(**modules))


def test_missing_module_is_an_error(write, join):
    with pytest.raises(FileNotFoundError, match="absent"):
        join(write(a='import { b } from "./absent.js";\n'))


def test_unused_exports_are_those_that_no_module_imports(write):
    from panel_build.join import unused_exports

    entry = write(
        main='import * as a from "./a.js";\nimport { x } from "./b.js";\nexport default [a, x];\nexport const free = 1;\n',
        a='export const p = 1, q = 2;\nexport { default as r } from "./c.js";\n',
        b='export * from "./c.js";\nexport function unused() {}\n',
        c="export default 1;\nexport const x = 1;\nexport const y = 1;\n",
    )
    assert unused_exports(entry) == ["b.js: unused", "b.js: y"]

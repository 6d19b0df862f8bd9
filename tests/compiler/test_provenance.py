"""Records of builds: the inputs of a module, the differences between two builds, and the components with their licences."""

import json

import pytest

from wasmnb import Filter
from wasmnb.cli import main
from wasmnb.compiler.provenance.comparison import differences
from wasmnb.compiler.provenance.record import SECTION, read_record, record_section, sections
from wasmnb.compiler.provenance.sbom import components, spdx_document
from wasmnb.errors import ModuleError

EMPTY = b"\0asm\x01\0\0\0"
SOURCE = '''"""A filter."""

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["a"] = "1"  # one
'''
PACKAGES = [
    {"name": "one", "version": "1.0", "license": "MIT License"},
    {"name": "two", "version": "2", "license": "Apache-2.0 OR BSD-2-Clause"},
    {"name": "three", "version": "", "license": "do what you like"},
]


def module_record(**changes):
    record = {
        "form": "release",
        "strip": True,
        "profile": False,
        "versions": {"wasmnb": "1", "python": "3.14", "componentize-py": "0.25", "wasmtime": "50", "zlib": "1.3"},
        "runtime": "r",
        "source": "s",
        "packages": PACKAGES,
    }
    return {**record, **changes}


def module(**changes):
    return EMPTY + record_section(module_record(**changes))


def test_record_is_read_from_the_module():
    assert read_record(module(source="x"))["source"] == "x"


ODD = (
    [], 3, {}, {"form": "release"}, {"packages": 3, "versions": []}, module_record(versions={}), module_record(versions=[]),
    module_record(packages={}), module_record(packages=[3]), module_record(packages=[{"name": "a"}]),
    module_record(packages=[{"name": 1, "version": None, "license": []}]), module_record(form=[]),
)  # fmt: skip


@pytest.mark.parametrize("data", [b"", EMPTY, b"\0asm\x01\0\0\0\x00\xff", *(EMPTY + record_section(r) for r in ODD)], ids=range(3 + len(ODD)))
def test_module_without_a_record_has_none(data):
    assert read_record(data) is None
    assert components(data) == []
    assert spdx_document("x", data)["packages"][0]["name"] == "x"


def test_hostile_texts_of_a_record_are_escaped_and_cut():
    hostile = "\x1b[31m\u202e" * 1000
    changes = {"versions": {"wasmnb": hostile, "python": "", "componentize-py": "", hostile: "1"}, "packages": [{"name": hostile, "version": hostile, "license": hostile}]}
    lines = differences(module(**changes), module())
    assert len(lines) > 3
    assert not any(c in line for line in lines for c in "\x1b\u202e")
    assert max(map(len, lines)) < 2000


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": "t"}, "Different: the source."),
        ({"runtime": "q"}, "Different: the runtime (its hash covers"),
        ({"form": "full"}, "Different: the form of the module."),
        ({"versions": {"wasmnb": "1", "python": "3.14", "componentize-py": "0.25", "zlib": "1.2"}}, "Different: the version of zlib; 1.3 in the file, 1.2 here."),
        ({"packages": [{"name": "one", "version": "1.1", "license": ""}]}, "Different: the package one; 1.0 in the file, 1.1 here."),
    ],
)
def test_differences_of_the_records_are_reported_first(changes, sentence):
    assert any(line.startswith(sentence) for line in differences(module(), module(**changes)))


def test_first_different_byte_of_each_section_is_reported():
    one, other = (module() + b"\x0a\x05\x01\x03\0" + bytes((0x41, n)) for n in (1, 2))
    assert differences(one, one) == []
    assert differences(one, other) == ["Section code: 5 bytes in the file, 5 here; the first difference is at 4."]


def test_file_that_is_not_a_module_is_refused():
    with pytest.raises(ModuleError, match="isn't a WebAssembly module"):
        differences(b"\0asm\x01\0\0\0\x0a\xff", module())


@pytest.mark.parametrize("wasm", [module(), module(form="full"), EMPTY], ids=["release", "full", "foreign"])
def test_list_of_components_is_valid_spdx(wasm):
    from spdx_tools.spdx.model import RelationshipType
    from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = JsonLikeDictParser().parse(json.loads(json.dumps(spdx_document("hello", wasm))))
    assert validate_full_spdx_document(document) == []
    contained = [r for r in document.relationships if r.relationship_type is RelationshipType.CONTAINS]
    assert len(contained) == len(components(wasm)) == len(document.packages) - 1


def test_components_have_licences_from_their_metadata():
    parts = {part.name: part for part in components(module())}
    assert parts["CPython"].licence == "PSF-2.0"
    assert (parts["one"].licence, parts["two"].licence) == ("MIT", "Apache-2.0 OR BSD-2-Clause")
    assert (parts["three"].licence, parts["three"].declared) == ("NOASSERTION", "do what you like")
    assert "SQLite" not in parts
    assert "SQLite" in {part.name for part in components(module(form="full"))}


def test_list_of_components_is_the_same_at_any_time(monkeypatch):
    assert spdx_document("a", module()) == spdx_document("a", module())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert spdx_document("a", module())["creationInfo"]["created"] == "1970-01-01T00:00:00Z"


@pytest.mark.slow
def test_full_module_is_checked_against_its_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.py").write_text(SOURCE)
    assert main(["build", "f.py", "--debug", "-q"]) == 0
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "f.py").rename(tmp_path / "elsewhere" / "f.py")
    assert main(["build", "elsewhere/f.py", "--check", "f.wasm"]) == 0
    assert "all bytes are equal" in capsys.readouterr().out
    (tmp_path / "f.py").write_text(SOURCE.replace("one", "two"))
    assert main(["build", "--check", "f.wasm"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["f.wasm isn't the module that f.py compiles to.", "  Different: the source."]
    assert lines[2].startswith("  Section data: ")


@pytest.mark.slow
def test_record_of_a_release_module_names_its_inputs():
    release = Filter.from_source(SOURCE).release().wasm
    record = read_record(release)
    assert (record["form"], record["strip"], record["packages"]) == ("release", True, [])
    assert record["versions"].keys() == {"wasmnb", "python", "componentize-py", "wasmtime", "zlib"}
    assert [name for name, _, _ in sections(release)][-1] == SECTION

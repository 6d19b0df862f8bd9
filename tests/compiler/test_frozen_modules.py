"""Code of frozen modules that Python has imported is not in the memory of a runtime."""

import struct

from tests.compiler.compiler_kit import texts
from wasmnb.compiler.runtime_build.frozen_modules import clear_frozen

HEAP = 4096


def memory(*, imported=True, code=b"\xe3code"):
    content = bytearray(2 * HEAP)
    content[100:103] = b"os\0"
    content[200 : 200 + len(code)] = code
    content[320:336] = struct.pack("<IIII", 100, 200, len(code), 0)
    if imported:
        content[HEAP + 50 : HEAP + 50 + 12] = b"<frozen os>\0"
    return content


def test_code_of_imported_modules_is_cleared():
    content = memory()
    assert clear_frozen(content, HEAP) == 5
    assert content[200:205] == bytes(5)
    assert struct.unpack_from("<IIII", content, 320) == (100, 0, 5, 0)


def test_other_content_stays():
    for content in (memory(imported=False), memory(code=b"text!")):
        before = bytes(content)
        assert clear_frozen(content, HEAP) == 0
        assert content == before
    assert clear_frozen(memory(), None) == 0


def test_frozen_modules_that_were_not_imported_can_be():
    source = "import importlib\nprint(*(importlib.import_module(n).__name__ for n in ('nt' + 'path', 'run' + 'py', 'zip' + 'import', 'o' + 's')))"
    assert texts(source) == ["ntpath runpy zipimport os"]

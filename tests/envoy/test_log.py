import pytest

from wasmnb.abi import LogLevel
from wasmnb.envoy.log import LogFile, log_format


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    log = LogFile(path, "TOKEN")
    log.name_threads({7: "main", 8: "worker-1"})

    def write(data: bytes):
        with path.open("ab") as sink:
            sink.write(data)
        return log.read()

    yield write
    log.close()


def test_guest_line_is_split_from_its_prefix(written):
    (line,) = written(b"TOKEN 12.000005 8 warning wasm wasm log auth root vm: slow: 3 s\n")
    assert (line.level, line.thread, line.prefix, line.text) == (LogLevel.WARN, "worker-1", "auth root vm", "slow: 3 s")
    assert line.time == pytest.approx(12.000005)
    assert line.from_guest


def test_vm_context_has_an_empty_prefix(written):
    (line,) = written(b"TOKEN 1.0 7 info wasm wasm log: hello\n")
    assert (line.thread, line.prefix, line.text) == ("main", "", "hello")


def test_lines_of_envoy_have_no_prefix(written):
    (line,) = written(b"TOKEN 1.0 7 critical main error `nope` initializing config\n")
    assert line.prefix is None
    assert line.logger == "main"


def test_record_has_several_lines(written):
    (line, after) = written(b"TOKEN 1.0 8 info wasm wasm log: one\ntwo\n\nTOKEN 2.0 8 info wasm wasm log: three\n")
    assert line.text == "one\ntwo\n"
    assert after.text == "three"


def test_guest_cannot_forge_a_record(written):
    (line,) = written(b"TOKEN 1.0 8 info wasm wasm log: x\n12.0 7 critical main pwned\n")
    assert "pwned" in line.text


def test_incomplete_record_is_kept_until_its_end(written):
    assert written(b"TOKEN 1.0 8 info wasm wasm log: ab") == []
    (line,) = written(b"cd\n")
    assert line.text == "abcd"


def test_record_in_two_parts_is_joined(written):
    (line,) = written(b"TOKEN 1.0 8 info wasm wasm log: first\n")
    assert written(b"second\n") == []
    assert line.text == "first"


def test_bytes_outside_utf8_are_kept(written):
    (line,) = written(b"TOKEN 1.0 8 info wasm wasm log: \xff\x00\n")
    assert line.text.encode("utf-8", "surrogateescape") == b"\xff\x00"


def test_format_begins_with_the_token():
    assert log_format("abc").startswith("abc ")


def test_tracebacks_have_the_names_that_files_have_for_their_author(tmp_path):
    path = tmp_path / "log"
    lines = [
        b"TOKEN 1.0 8 critical wasm wasm log auth root vm: Traceback (most recent call last):",
        b'  File "<auth cell>", line 3, in on_http_request_headers',
        b'  File "other.py", line 9, in other',
        b'ValueError:   File "<auth cell>" is text',
        b'TOKEN 2.0 7 info main   File "<auth cell>", line 3',
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    log = LogFile(path, "TOKEN", {"<auth cell>": "Cell In[3]"})
    filters, own = log.read()
    log.close()
    assert filters.text.splitlines()[1:] == [
        '  File "Cell In[3]", line 3, in on_http_request_headers',
        '  File "other.py", line 9, in other',
        'ValueError:   File "<auth cell>" is text',
    ]
    assert "<auth cell>" in own.text

"""Multipart forms, compared with the bodies that the real curl sends."""

import os
import re
import shutil
import socket
import subprocess
import threading

import pytest

from wasmnb.errors import UsageError
from wasmnb.traffic.forms import FormField, encode_form, read_form_field

BOUNDARY = "--B"
FILES = [b'c"d.txt', b"a\\b.txt", b"x\ry.txt", b"x\ny.txt", "é.txt".encode(), b"\xff.txt", b"plain.txt", b"a;b.txt", b"p.PNG", b"noext", b"x.json"]

#: Values of -F -> the part of the body that curl 7.88 and 8 send: the parameters of content-disposition, the type, and the data.
RECORDED = {
    b'a"b=v': (b'; name="a%22b"', b"", b"v"),
    b"a\\b=v": (b'; name="a\\b"', b"", b"v"),
    b"a\rb=v": (b'; name="a%0Db"', b"", b"v"),
    b"a\nb=v": (b'; name="a%0Ab"', b"", b"v"),
    "é=v".encode(): ('; name="é"'.encode(), b"", b"v"),
    b"a\xffb=v": (b'; name="a\xffb"', b"", b"v"),
    b"a%b=v": (b'; name="a%b"', b"", b"v"),
    b"=v": (b"", b"", b"v"),
    b"n=": (b'; name="n"', b"", b""),
    b"n= v ": (b'; name="n"', b"", b"v"),
    b"n=)": (b'; name="n"', b"", b")"),
    b"n= @plain.txt": (b'; name="n"', b"", b"@plain.txt"),
    b'n="v;type=x"': (b'; name="n"', b"", b"v;type=x"),
    b'n="a\\"b\\\\c\\d"': (b'; name="n"', b"", b'a"b\\c\\d'),
    b'n="v"x': (b'; name="n"', b"", b"v"),
    b'n="a;b': (b'; name="n"', b"", b'"a'),
    b"n=v;w": (b'; name="n"', b"", b"v"),
    b"n=v;type=text/plain": (b'; name="n"', b"text/plain", b"v"),
    b"n=v;TYPE= text/plain": (b'; name="n"', b"text/plain", b"v"),
    b'n="v" ; type=text/x': (b'; name="n"', b"text/x", b"v"),
    b"n=v;type=text/plain; charset=x": (b'; name="n"', b"text/plain; charset=x", b"v"),
    b"n=v;type=a/b;type=c/d": (b'; name="n"', b"a/b;type=c/d", b"v"),
    b"n=v;type=a/b;w;filename=f.txt;z": (b'; name="n"; filename="f.txt"', b"a/b;w", b"v"),
    b"n=v;filename=f.txt": (b'; name="n"; filename="f.txt"', b"text/plain", b"v"),
    b"n=v;filename=f.bin": (b'; name="n"; filename="f.bin"', b"", b"v"),
    b"n=a, b;filename=f.txt;filename=f.jpeg": (b'; name="n"; filename="f.jpeg"', b"image/jpeg", b"a, b"),
    b"n=<plain.txt": (b'; name="n"', b"", b"FILE\r\n"),
    b"n=<plain.txt;filename=f.txt;type=text/x": (b'; name="n"', b"text/x", b"FILE\r\n"),
    b'n=@c"d.txt': (b'; name="n"; filename="c%22d.txt"', b"text/plain", b"FILE\r\n"),
    b'n=@"c\\"d.txt"': (b'; name="n"; filename="c%22d.txt"', b"text/plain", b"FILE\r\n"),
    b"n=@a\\b.txt": (b'; name="n"; filename="a\\b.txt"', b"text/plain", b"FILE\r\n"),
    b"n=@x\ry.txt": (b'; name="n"; filename="x%0Dy.txt"', b"text/plain", b"FILE\r\n"),
    b"n=@x\ny.txt": (b'; name="n"; filename="x%0Ay.txt"', b"text/plain", b"FILE\r\n"),
    "n=@é.txt".encode(): ('; name="n"; filename="é.txt"'.encode(), b"text/plain", b"FILE\r\n"),
    b"n=@\xff.txt": (b'; name="n"; filename="\xff.txt"', b"text/plain", b"FILE\r\n"),
    b'n=@"a;b.txt"': (b'; name="n"; filename="a;b.txt"', b"text/plain", b"FILE\r\n"),
    b"n=@./plain.txt": (b'; name="n"; filename="plain.txt"', b"text/plain", b"FILE\r\n"),
    b"n=@p.PNG": (b'; name="n"; filename="p.PNG"', b"image/png", b"FILE\r\n"),
    b"n=@noext": (b'; name="n"; filename="noext"', b"application/octet-stream", b"FILE\r\n"),
    b"n=@x.json": (b'; name="n"; filename="x.json"', b"application/octet-stream", b"FILE\r\n"),
    b"n=@plain.txt;type=text/html": (b'; name="n"; filename="plain.txt"', b"text/html", b"FILE\r\n"),
    b"n=@plain.txt;filename=q.bin": (b'; name="n"; filename="q.bin"', b"text/plain", b"FILE\r\n"),
    b"n=@plain.txt;filename=q.png": (b'; name="n"; filename="q.png"', b"image/png", b"FILE\r\n"),
    b'n=@noext;filename="q;\\"x.bin";type=a/b': (b'; name="n"; filename="q;%22x.bin"', b"a/b", b"FILE\r\n"),
}  # fmt: skip


def body_of(part):
    """The body of a form with one recorded part, as curl writes it."""
    parameters, kind, data = part
    head = b"Content-Disposition: form-data" + parameters + (b"\r\nContent-Type: " + kind if kind else b"")
    return b"----B\r\n" + head + b"\r\n\r\n" + data + b"\r\n----B--\r\n"


def lower_names(body):
    """The body with names of headers in lower case, as HTTP messages of wasmnb have them."""
    return body.replace(b"Content-Disposition:", b"content-disposition:", 1).replace(b"Content-Type:", b"content-type:", 1)


@pytest.fixture
def files(tmp_path, monkeypatch):
    for name in FILES:
        (tmp_path / os.fsdecode(name)).write_bytes(b"FILE\r\n")
    monkeypatch.chdir(tmp_path)


def read(name):
    with open(name, "rb") as file:
        return file.read()


@pytest.mark.parametrize("value", RECORDED, ids=repr)
def test_form_has_the_bytes_that_curl_sends(files, value):
    field = read_form_field(os.fsdecode(value), read)
    assert encode_form([field], BOUNDARY) == lower_names(body_of(RECORDED[value]))


class OneRequestServer:
    """A server that reads one request, and keeps its body."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.body = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as stream:
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.body = stream.read(length)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")

    def close(self):
        self.thread.join(10)
        self.socket.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_recorded_bodies_are_those_of_the_installed_curl(files):
    sent = {}
    for value in RECORDED:
        server = OneRequestServer()
        command = [b"curl", b"-sq", b"--noproxy", b"*", b"-H", b"Expect:", b"-F", value, b"http://127.0.0.1:%d/" % server.port]
        subprocess.run(command, check=True, timeout=30)
        server.close()
        sent[value] = re.sub(rb"(?m)^-{24}\w+", b"----B", server.body.replace(b"-" * 26, b"-" * 24))
    assert sent == {value: body_of(part) for value, part in RECORDED.items()}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("novalue", "not of the form NAME=VALUE"),
        ("n=v;type=plain", "not of the form TYPE/SUBTYPE"),
        ("n=(", "nested part"),
        ("=)", "nested part"),
        ("n=@plain.txt,noext", "several files"),
        ('n=@"plain.txt",noext', "several files"),
        ("n=v;headers=x", "headers="),
        ("n=@plain.txt;encoder=base64", "encoder="),
    ],
)
def test_invalid_and_unsupported_values_are_refused(files, value, message):
    with pytest.raises(UsageError, match=message):
        read_form_field(value, read)


def test_names_from_recordings_are_escaped():
    body = encode_form([FormField('a"b\r\nx: y', b"v", 'c"d.txt', "text/plain")], BOUNDARY)
    assert body.startswith(b'----B\r\ncontent-disposition: form-data; name="a%22b%0D%0Ax: y"; filename="c%22d.txt"\r\ncontent-type: text/plain\r\n')

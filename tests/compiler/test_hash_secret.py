"""`WASMNB_HASH_SECRET` chooses the secret of Python's hashes: of the runtime, and so of every module that is built on it."""

import os
import subprocess
import sys

import pytest

from wasmnb.compiler.dependencies.requirements import Requirements

#: Builds a runtime in a cache of its own; prints a hash in it, the hash that a release module has, and that of the runtime's bytes.
BUILD = '''
import os, sys
from hashlib import sha256
from wasmnb import Filter, Proxy
from wasmnb.compiler.dependencies.filter_source import Part, Source
from wasmnb.compiler.source_filter import compile_source
from wasmnb.engine import default_engine
source = """class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.send_local_response(200, str(hash("probe--1") & 0xffffffff))
"""
compiled = Filter.from_source(source)
full = compile_source(Source((Part(source, "<filter>"),)), [], None)
_, wasm = full.runtimes.module(full.requirements, default_engine())
print(sha256(wasm).hexdigest())
for module in (compiled, compiled.release()) if "release" in sys.argv else (compiled,):
    with Proxy(module, workers=1) as proxy:
        print(proxy.get("/").response.body.decode())
'''


def build(folder, secret, *arguments):
    environment = {**os.environ, "WASMNB_CACHE": str(folder)}
    environment.pop("WASMNB_HASH_SECRET", None)
    if secret is not None:
        environment["WASMNB_HASH_SECRET"] = secret
    done = subprocess.run([sys.executable, "-c", BUILD, *arguments], env=environment, capture_output=True, text=True, timeout=700)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_runtimes_with_other_secrets_have_other_names(monkeypatch):
    names = set()
    for secret in (None, "one", "two", "\udcff", "öne"):
        monkeypatch.delenv("WASMNB_HASH_SECRET", raising=False)
        if secret is not None:
            monkeypatch.setenv("WASMNB_HASH_SECRET", secret)
        names.add(Requirements().digest())
        assert len(Requirements().secret) == 32
    assert len(names) == 5
    monkeypatch.setenv("WASMNB_HASH_SECRET", "")
    assert Requirements().secret == bytes(32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cache that several tests use. If possible, it is the cache of all tests, which contains the archive of Python's library."""
    return os.environ.get("WASMNB_CACHE") or tmp_path_factory.mktemp("one")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_hashes_depend_only_on_the_secret(folder, tmp_path):
    """The archive of Python's library comes from another runtime in one cache, and is compiled in the other."""
    public = build(folder, None)
    first = build(folder, "some-text")
    again = build(tmp_path / "two", "some-text")
    assert first == again
    assert first[0] != public[0]
    assert first[1] != public[1]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_release_module_has_the_hashes_of_its_runtime(folder):
    _, full, release = build(folder, "some-text", "release")
    assert release == full

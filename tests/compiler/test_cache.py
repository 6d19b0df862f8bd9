"""The cache: complete entries or none, verified, private, one builder at a time."""

import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wasmnb.compiler.runtime import cache as cache_module
from wasmnb.compiler.runtime import atomic_file as disk
from wasmnb.compiler.runtime.cache import Cache, cache_folder
from wasmnb.errors import BuildError

FACTS = {"times": {}, "modules": [], "packages": [], "pages": 1, "built": 0.0}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.name.endswith(".lock"))


def test_stored_entry_is_found_and_read(cache):
    cache.store("k", {"a": b"1", "b": b"2"}, FACTS)
    entry = cache.find("k")
    assert (entry.read("a"), entry.read("b"), entry.read("c")) == (b"1", b"2", None)
    assert entry.manifest["pages"] == 1
    assert cache.names() == ["k"]


def test_cache_is_readable_by_its_user_only(cache):
    cache.store("k", {"a": b"1"}, FACTS)
    for folder in (cache.folder, cache.folder / "k"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folder_permissions_are_restricted(cache):
    cache.folder.mkdir(parents=True, mode=0o777)
    cache.folder.chmod(0o777)
    cache.store("k", {}, FACTS)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [b"", b"1" * 9, b"2" * 10, None])
def test_truncated_changed_or_missing_file_is_not_returned(cache, damage):
    cache.store("k", {"a": b"1" * 10}, FACTS)
    path = cache.folder / "k" / "a"
    path.unlink() if damage is None else path.write_bytes(damage)
    assert cache.find("k").read("a") is None


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"files": {}}', b'{"files": 3}', b"\xff"])
def test_entry_with_damaged_manifest_is_ignored(cache, manifest):
    cache.store("k", {"a": b"1"}, FACTS)
    (cache.folder / "k" / "manifest.json").write_bytes(manifest)
    assert cache.find("k") is None


def test_storing_again_replaces_the_entry(cache):
    cache.store("k", {"a": b"1"}, FACTS)
    cache.store("k", {"b": b"2"}, FACTS)
    assert everything(cache.folder) == ["k", "k/b", "k/manifest.json"]


def test_file_is_added_to_an_entry_later(cache):
    cache.store("k", {"a": b"1"}, FACTS).add("b", b"2")
    assert cache.find("k").read("b") == b"2"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_reported_and_leaves_no_files(cache, monkeypatch, number):
    cache.store("old", {"a": b"1"}, FACTS)
    before = everything(cache.folder)
    written = []

    def full(descriptor):
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(BuildError, match="no space left .* WASMNB_CACHE"):
        cache.store("k", {"a": b"1", "b": b"2"}, FACTS)
    assert everything(cache.folder) == before
    assert cache.find("k") is None


def test_full_filesystem_raises_a_clear_error(tmp_path):
    """On Linux /dev/full is a disk that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(BuildError, match="no space left"), cache_module._disk_errors(tmp_path):
        Path("/dev/full").write_bytes(b"x")


def test_unwritable_cache_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="cannot be used.*WASMNB_CACHE"):
        Cache(tmp_path / "file").store("k", {}, FACTS)


def test_workspace_is_removed(cache):
    with pytest.raises(ZeroDivisionError), cache.workspace() as folder:
        (folder / "x").write_text("")
        1 / 0
    assert everything(cache.folder) == []


def test_environment_variable_selects_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("WASMNB_CACHE")
    assert cache_folder().name == "wasmnb"


HOLDER = """
import sys, time
from pathlib import Path
from wasmnb.compiler.runtime.cache import Cache
with Cache(Path(sys.argv[1])).lock("k", lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_build_one_after_the_other(cache):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(cache.folder.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        waits = []

        def waiting():
            waits.append(time.monotonic())
            if len(waits) == 3:
                process.stdin.close()

        with cache.lock("k", waiting):
            assert len(waits) >= 3
            assert process.wait(10) == 0
        with cache.lock("k", lambda: pytest.fail("nobody holds it")):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_killed_builder_releases_the_lock(cache):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(cache.folder.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        process.kill()
    with cache.lock("k", lambda: time.sleep(0.01)):
        pass


def test_least_recently_used_entry_is_evicted(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "_KEPT", 3)
    for i, key in enumerate("abcd"):
        cache.store(key, {"f": b"1"}, FACTS)
        os.utime(cache.folder / key, (1000 + i, 1000 + i))
    assert set(cache.names()) == {"b", "c", "d"}
    cache.find("b")
    cache.store("e", {"f": b"1"}, FACTS)
    assert set(cache.names()) == {"b", "d", "e"}


def test_leftovers_of_a_killed_builder_are_removed(cache):
    cache.store("a", {}, FACTS)
    for name, age in ((".work.old", 90_000), (".work.now", 10)):
        (cache.folder / name).mkdir()
        os.utime(cache.folder / name, (time.time() - age,) * 2)
    cache.store("b", {}, FACTS)
    assert everything(cache.folder) == [".work.now", "a", "a/manifest.json", "b", "b/manifest.json"]


def test_manifests_are_readable_json(cache):
    cache.store("k", {"a": b"1"}, FACTS)
    assert json.loads((cache.folder / "k" / "manifest.json").read_text())["files"].keys() == {"a"}

"""The cache: complete entries or none, verified, private, one builder at a time."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest

from wasmnb.compiler.cache import atomic_file as disk
from wasmnb.compiler.cache import entries, places, workspace
from wasmnb.compiler.cache.places import cache_folder
from wasmnb.compiler.cache.runtimes import Cache
from wasmnb.errors import BuildError, CacheWarning, UsageError

FACTS = {"times": {}, "modules": [], "packages": [], "pages": 1, "built": 0.0}


@pytest.fixture(autouse=True)
def no_other_place(monkeypatch, tmp_path):
    """The user's own cache and the folders for temporary files, on the disk and in memory, cannot be written."""
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(places, "user_folder", lambda: tmp_path / "a file")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "a file"))
    monkeypatch.setattr(workspace, "memory_place", lambda: tmp_path / "a file" / "memory")


@pytest.fixture
def cache(tmp_path):
    places.warn_once.cache_clear()
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_full_disk_keeps_a_runtime_in_memory_and_leaves_nothing(cache, monkeypatch, number):
    cache.store("old", {"a": b"1"}, FACTS)
    before = everything(cache.folder)
    written = []

    def full(descriptor):
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.warns(CacheWarning, match="A runtime can't be stored|Set WASMNB_CACHE"):
        entry = cache.store("k", {"a": b"1", "b": b"2"}, FACTS)
    assert entry.read("b") == b"2"
    assert everything(cache.folder) == before
    assert cache.find("k") is None


def test_full_filesystem_raises_a_clear_error(tmp_path):
    """On Linux /dev/full is a disk that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(BuildError, match="is full, but building a runtime"), workspace.workspace([tmp_path]):
        Path("/dev/full").write_bytes(b"x")


def test_unusable_cache_is_replaced_by_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(places, "user_folder", lambda: tmp_path / "own")
    cache = Cache(tmp_path / "file")
    with pytest.warns(CacheWarning, match="can't be used.*WASMNB_CACHE"):
        entry = cache.store("k", {"a": b"1"}, FACTS)
    assert entry.folder == tmp_path / "own" / "runtimes" / "k"
    assert Cache(tmp_path / "file").find("k").read("a") == b"1"


def test_runtime_is_kept_in_memory_if_no_folder_is_writable(tmp_path):
    cache = Cache(tmp_path / "a file" / "x")
    with pytest.warns(CacheWarning):
        entry = cache.store("k", {"a": b"1"}, FACTS)
    entry.add("b", b"2")
    assert (entry.read("a"), entry.read("b"), entry.read("c")) == (b"1", b"2", None)
    with cache.lock("k", lambda: pytest.fail("nobody holds it")):
        pass
    with pytest.raises(BuildError, match="No folder for building a runtime can be written"), cache.workspace():
        pass


@pytest.mark.parametrize("change", [0o770, 0o707, 0o777])
def test_code_that_others_may_have_written_is_not_read(cache, change):
    cache.store("k", {"a": b"1"}, FACTS)
    folder = cache.folder / "k"
    os.chown(folder, -1, 12345) if os.getuid() == 0 else None  # root's own group would be root's alone
    folder.chmod(change)
    with pytest.warns(CacheWarning, match="another user could have changed it"):
        entry = cache.find("k")
    assert entry is None
    folder.chmod(0o700)
    assert cache.find("k").read("a") == b"1"


@pytest.mark.skipif(os.getuid() != 0, reason="gives files away")
@pytest.mark.parametrize("part", ["", "k", "k/manifest.json", "k/a", ".."])
def test_code_of_another_user_is_not_read(cache, part):
    cache.store("k", {"a": b"1"}, FACTS)
    os.chown(cache.folder / part, 12345, -1)
    with pytest.warns(CacheWarning, match="is owned by another user"):
        entry = cache.find("k")
        assert entry is None or entry.read("a") is None


@pytest.mark.skipif(os.getuid() != 0, reason="gives links away")
def test_code_that_another_users_link_points_to_is_not_read(cache, tmp_path):
    cache.store("k", {"a": b"1"}, FACTS)
    (tmp_path / "link").symlink_to(cache.folder.parent)
    assert Cache(tmp_path / "link").find("k").read("a") == b"1"
    os.chown(tmp_path / "link", 12345, -1, follow_symlinks=False)
    with pytest.warns(CacheWarning, match="is owned by another user"):
        assert Cache(tmp_path / "link").find("k") is None


AS_ANOTHER_USER = """
import os, sys, warnings
from pathlib import Path
os.setgid(12345); os.setuid(12345)
warnings.simplefilter("ignore")
from wasmnb.compiler.cache.runtimes import Cache
cache = Cache(Path(sys.argv[1]))
entry = cache.find("k")
print(entry.read("a"), cache.store("new", {"a": b"2"}, entry.manifest).read("a"))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_read_only_cache_of_root_is_used(cache, tmp_path_factory):
    cache.store("k", {"a": b"1"}, FACTS)
    for path in (cache.folder, *cache.folder.parents):
        if path.is_relative_to("/tmp/pytest-of-root"):
            path.chmod(0o755)
    for path in (cache.folder / "k").rglob("*"):
        path.chmod(0o644)
    (cache.folder / "k").chmod(0o755)
    environment = {**os.environ, "HOME": "/nonexistent", "TMPDIR": str(tmp_path_factory.mktemp("t")), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", AS_ANOTHER_USER, str(cache.folder.parent)], capture_output=True, text=True, env=environment)
    if "ModuleNotFoundError" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("this installation is closed to other users")
    assert done.stdout.split() == ["b'1'", "b'2'"], done.stderr


def test_workspace_is_removed(cache):
    with pytest.raises(ZeroDivisionError), cache.workspace() as folder:
        (folder / "x").write_text("")
        1 / 0
    assert everything(cache.folder) == []


def test_environment_variable_selects_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("WASMNB_CACHE")
    assert cache_folder() == places.user_folder()
    monkeypatch.setenv("WASMNB_CACHE", "~nosuch/x")
    with pytest.raises(UsageError, match="WASMNB_CACHE is '~nosuch/x'"):
        cache_folder()


HOLDER = """
import sys, time
from pathlib import Path
from wasmnb.compiler.cache.runtimes import Cache
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
    monkeypatch.setattr(places, "ALWAYS_ALLOWED", 3_500_000)
    monkeypatch.setattr(places, "DISK_SHARE", 0)
    for i, key in enumerate("abcd"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            cache.store(key, {"f": b"1" * 1_000_000}, FACTS)
        os.utime(cache.folder / key, (1000 + i, 1000 + i))
    assert set(cache.names()) == {"b", "c", "d"}
    assert "used more than its share of the free disk (3 MiB), so the least recently used 1 of 4 entries were removed" in str(said[0].message)
    cache.find("b")
    with pytest.warns(CacheWarning):
        places.warn_once.cache_clear()
        cache.store("e", {"f": b"1" * 1_000_000}, FACTS)
    assert set(cache.names()) == {"b", "d", "e"}


KILLED = """
import os, signal, sys
from pathlib import Path
from wasmnb.compiler.cache import entries, workspace
from wasmnb.compiler.cache.runtimes import Cache
cache = Cache(Path(sys.argv[1]))
workspace.memory_place = lambda: Path(sys.argv[1], "memory")
if sys.argv[2] == "workspace":
    with cache.workspace() as folder:
        (folder / "x").write_bytes(b"1" * 1000)
        os.kill(os.getpid(), signal.SIGKILL)
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
entries.json.dumps = die
if sys.argv[2] == "add":
    cache.find("old").add("b", b"2" * 1000)
cache.store("k", {"a": b"1"}, {})
"""


@pytest.mark.parametrize("moment", ["workspace", "store", "add"])
def test_leftovers_of_a_killed_process_are_removed(cache, moment, monkeypatch):
    memory = cache.folder.parent / "memory"
    monkeypatch.setattr(workspace, "memory_place", lambda: memory)
    cache.store("old", {"a": b"1"}, FACTS)
    before = everything(cache.folder)
    done = subprocess.run([sys.executable, "-c", KILLED, str(cache.folder.parent), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list((memory if moment == "workspace" else cache.folder).glob(".scratch-*"))
    with cache.workspace() as mine:
        cache.tidy()
        assert mine.exists()
    assert everything(cache.folder) == before
    assert not list(cache.folder.parent.rglob(".scratch-*"))


def test_manifests_are_readable_json(cache):
    cache.store("k", {"a": b"1"}, FACTS)
    assert json.loads((cache.folder / "k" / "manifest.json").read_text())["files"].keys() == {"a"}


ORPHAN = """
import os, signal, sys, threading, time
from pathlib import Path
from wasmnb.compiler.runtime_build import componentize
from wasmnb.compiler.runtime_build.componentize import componentize as run
componentize._RUN = "import time; time.sleep(600)"
def wait(seconds):
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    print(children[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
run(Path(sys.argv[1]), wait)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killing_the_builder_also_kills_componentize(tmp_path):
    done = subprocess.run([sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    stat_file = Path(f"/proc/{int(done.stdout)}/stat")
    while stat_file.exists() and stat_file.read_text().rpartition(")")[2].split()[0] not in "ZX":
        time.sleep(0.05)  # the test's timeout counts


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", range(1, 5))
def test_killed_process_adds_a_file_completely_or_not_at_all(cache, monkeypatch, moment):
    """The process ends before the n-th rename or write, because these are the only steps that others can see."""
    entry = cache.store("k", {"a": b"1"}, FACTS)
    entry.add("b", b"old")
    steps = iter(range(1, 9))

    def step(function):
        def counted(*arguments, **options):
            if next(steps) == moment:
                raise Killed
            return function(*arguments, **options)

        return counted

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(entries, "write_whole", step(entries.write_whole))
        patch.setattr(Path, "replace", step(Path.replace))
        entry.add("b", b"new")
    again = Cache(cache.folder.parent).find("k")
    assert [again.read(name) for name in again.manifest["files"]] == [b"1", b"old"]
    again.add("b", b"newest")
    assert cache.find("k").read("b") == b"newest"
    assert len(everything(cache.folder / "k")) == 3  # and the manifest


def test_processes_that_add_at_once_keep_each_others_files(cache):
    cache.store("k", {"a": b"1"}, FACTS)
    first, second = cache.find("k"), cache.find("k")
    first.add("b", b"2")
    second.add("c", b"3")
    assert {name: cache.find("k").read(name) for name in "abc"} == {"a": b"1", "b": b"2", "c": b"3"}
    assert second.read("b") == b"2"

"""Cache folders with unusual permissions, owners and links: slower, but never an error or foreign code."""

import email.parser  # noqa: F401 -- the other user may not be able to read this installation
import grp
import multiprocessing
import os
import pwd
import struct
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import pytest

from wasmnb.compiler.cache import entries, machine_code, places
from wasmnb.compiler.cache.machine_code import compiled
from wasmnb.compiler.cache.runtimes import Cache
from wasmnb.compiler.cache.trust import distrust
from wasmnb.engine import Engine, assemble, default_engine
from wasmnb.errors import CacheWarning

FACTS = {"times": {}, "modules": [], "packages": [], "pages": 1, "built": 0.0}
NOBODY = 65534
LARGE = assemble(f'(module (memory 1) (data (i32.const 0) "{"x" * 9000}"))')

becomes_another = pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")


@pytest.fixture
def folder():
    """A folder that other users reach."""
    with tempfile.TemporaryDirectory(prefix="wasmnb-attack-") as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "tmp").mkdir()
        (path / "tmp").chmod(0o1777)
        yield path


def as_nobody(action, *arguments, scratch, umask=0o022):
    """Run a function of this module in a process of another user. Return whether it succeeded.

    A server forks the process: a copy of the tests' process has none of the threads that wasmtime compiles with, and would wait
    for them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    child = context.Process(target=_act, args=(scratch, umask, action, arguments))
    child.start()
    child.join(60)
    child.kill()
    child.join()
    return child.exitcode == 0


def _act(scratch, umask, action, arguments):
    os.setgroups(())
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.umask(umask)
    os.environ["HOME"], tempfile.tempdir = "/nonexistent", str(scratch)
    warnings.simplefilter("ignore")
    action(*arguments)


def is_stored(place):
    """Return whether the cache has the machine code, so that `compiled` doesn't compile."""
    with mock.patch.object(Engine, "compile", side_effect=AssertionError("not in the cache")):
        try:
            compiled(LARGE, default_engine(), place)
        except AssertionError:
            return False
    return True


def use(place):
    """Perform every operation of a cache, and check that stored entries are found."""
    cache = Cache(place)
    cache.find("k")
    cache.store("k", {"a": b"1"}, FACTS).add("b", b"2")
    entry = Cache(place).find("k")
    assert (entry.read("a"), entry.read("b")) == (b"1", b"2")
    with cache.lock("k", lambda: None), cache.workspace() as work:
        (work / "file").write_text("")
    cache.tidy()
    cache.names()
    compiled(LARGE, default_engine(), place)
    assert is_stored(place)
    machine_code.clear_compiled(place)
    cache.remove("k")


def read(place):
    """Find the stored entries."""
    assert Cache(place).find("k").read("a") == b"1"
    assert is_stored(place)


@becomes_another
@pytest.mark.parametrize("owner", [0, 1, NOBODY])
@pytest.mark.parametrize("mode", [0o000, 0o100, 0o300, 0o400, 0o500, 0o700, 0o755, 0o777, 0o1777, 0o2755, 0o4700])
@pytest.mark.parametrize("below", ["", "x/y"])
def test_cache_in_a_folder_of_any_mode_and_owner_works(folder, mode, owner, below):
    place = folder / "cache"
    place.mkdir()
    os.chown(place, owner, owner)
    place.chmod(mode)
    assert as_nobody(use, place / below, scratch=folder / "tmp")


@becomes_another
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_mask_of_the_user_does_not_matter(folder, umask):
    (folder / "cache").mkdir()
    os.chown(folder / "cache", NOBODY, NOBODY)
    assert as_nobody(use, folder / "cache", scratch=folder / "tmp", umask=umask)


@becomes_another
def test_cache_that_root_has_filled_and_opened_is_read_by_others(folder):
    Cache(folder / "cache").store("k", {"a": b"1"}, FACTS)
    compiled(LARGE, default_engine(), folder / "cache")

    for path in (folder / "cache", *(folder / "cache").rglob("*")):  # chmod -R a+rX
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    assert as_nobody(read, folder / "cache", scratch=folder / "tmp")


@pytest.mark.filterwarnings("ignore::wasmnb.errors.CacheWarning")
@pytest.mark.parametrize("kind", ["file", "below a file", "loop", "dangling", "pipe", "long", "not UTF-8"])
def test_path_that_is_no_folder_works(folder, monkeypatch, kind):
    monkeypatch.setattr(places, "user_folder", lambda: folder / "own")
    place = folder / "cache"
    if "file" in kind:
        place.write_text("")
        place /= "x" if "below" in kind else ""
    elif kind in ("loop", "dangling"):
        place.symlink_to(place if kind == "loop" else folder / "nowhere")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place = folder / {"long": "x" * 300, "not UTF-8": "\udcff"}[kind]
    use(place)


def test_target_of_a_link_is_checked(folder):
    """`link/..` is the folder above the target; without links it would be the folder of the link."""
    (folder / "open" / "inner").mkdir(parents=True)
    (folder / "open").chmod(0o777)
    (folder / "open" / "code").write_text("")
    (folder / "code").write_text("")
    (folder / "link").symlink_to(folder / "open" / "inner")
    (folder / "entry").symlink_to("link/../code")
    assert (folder / "entry").samefile(folder / "open" / "code")
    assert distrust(folder / "entry") == f"{folder / 'open'} can be written by all users"


def test_own_group_with_an_access_list_is_not_private(folder):
    path = folder / "code"
    path.write_text("")
    path.chmod(0o660)
    assert not distrust(path)
    entries = [(1, 6, -1), (2, 6, 12345), (4, 0, -1), (16, 6, -1), (32, 0, -1)]  # user 12345 may write
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", data)
    except (OSError, AttributeError):
        pytest.skip("no access lists here")
    assert path.stat().st_mode & 0o070 == 0o060
    assert "can be written by a group" in distrust(path)


@pytest.mark.parametrize(("members", "private"), [([], True), (["me"], True), (["me", "eve"], False), (["eve"], False)])
def test_group_is_private_if_nobody_else_is_in_it(folder, monkeypatch, members, private):
    path = folder / "code"
    path.write_text("")
    path.chmod(0o660)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd(("me", "", 0, path.stat().st_gid, "", "/", "")))
    monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("me", "", number, members)))
    assert bool(distrust(path)) is not private


def test_hard_link_to_a_file_of_the_user_is_the_users_own(folder):
    (folder / "code").write_text("")
    (folder / "open").mkdir()
    (folder / "open").chmod(0o1777)
    os.link(folder / "code", folder / "open" / "code")
    assert not distrust(folder / "open" / "code")  # nobody else can have given it another content, or replace it
    (folder / "open").chmod(0o777)
    assert distrust(folder / "open" / "code")


def test_entry_whose_folder_is_replaced_between_check_and_use_is_compared_with_its_hash(folder, monkeypatch):
    """Only this user and root can replace it; the hash in the manifest decides then."""
    cache = Cache(folder / "cache")
    cache.store("k", {"a": b"1"}, FACTS)
    entry = cache.find("k")

    def replaced(path):
        monkeypatch.undo()
        (cache.folder / "k").rename(folder / "gone")
        (cache.folder / "k").mkdir()
        (cache.folder / "k" / "a").write_bytes(b"2")
        return not distrust(path)

    monkeypatch.setattr(entries, "is_trusted", replaced)
    assert entry.read("a") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        assert cache.find("k") is None

"""Atomic writing of files, also over links, devices and folders."""

import os
import threading

import pytest

from wasmnb.compiler.cache.atomic_file import whole_file, write_whole


def test_file_is_replaced_without_leftovers(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"old")
    write_whole(target, b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"new"}


def test_symlink_stays_a_symlink(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real/x")
    write_whole(link, b"data")
    assert link.is_symlink()
    assert (tmp_path / "real" / "x").read_bytes() == b"data"


def test_pipe_receives_the_data_and_stays_a_pipe(tmp_path):
    """So does a device: `-o /dev/null` must not put a file in its place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_whole(pipe, b"data")
    reader.join(10)
    assert got == [b"data"]
    assert pipe.is_fifo()


def test_folder_at_the_target_path_raises_and_stays(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "x", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_two_writers_of_one_path_both_write_complete_files(tmp_path):
    target = tmp_path / "x"
    with whole_file(target) as first:
        first.write(b"one ")
        with whole_file(target) as second:
            second.write(b"another")
        assert target.read_bytes() == b"another"
        first.write(b"file")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"one file"}


def test_error_while_writing_leaves_the_old_content(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"old"}

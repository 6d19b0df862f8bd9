"""Objects of the C interface are freed once, and no Python function runs when they are collected."""

import gc
import sys
from ctypes import c_void_p

import pytest

from wasmnb.engine.c_objects import CObject


def test_object_is_freed_once_by_close_or_by_collection():
    freed = []
    owner = CObject.returned(freed.append, lambda: 7)
    assert owner.address == 7
    owner.close()
    owner.close()
    del owner
    assert freed == [7]
    CObject.returned(freed.append, lambda: 8)
    assert freed == [7, 8]


def test_object_in_a_cycle_is_freed():
    freed = []
    owner = CObject.returned(freed.append, lambda: 9)
    owner.held.insert(0, owner)
    del owner
    gc.collect()
    assert freed == [9]


def test_null_pointer_is_not_freed():
    freed = []
    owner = CObject.returned(freed.append, lambda: 0)
    place = CObject.written(freed.append, c_void_p())
    assert (owner.address, place.address) == (0, 0)
    owner.close()
    place.close()
    assert freed == []


def test_object_written_by_c_is_freed():
    freed, place = [], c_void_p()
    owner = CObject.written(freed.append, place)
    place.value = 5
    assert owner.address == 5
    owner.close()
    assert freed == [place]


def test_closed_object_has_no_address():
    owner = CObject.returned(lambda _: None, lambda: 7)
    owner.close()
    with pytest.raises(ValueError, match="closed"):
        _ = owner.address


def test_creating_and_collecting_an_object_runs_no_python_function():
    entered = []
    sys.setprofile(lambda frame, event, _: entered.append(frame.f_code.co_name) if event == "call" else None)
    try:
        owner = CObject.returned([].append, int, 7)
        entered.clear()
        del owner
    finally:
        sys.setprofile(None)
    assert entered == []

"""Objects of the C interface are freed once, and no Python function runs when they are collected."""

import gc
import sys
from ctypes import c_void_p

import pytest

from wasmnb.engine.c_interface import CObject


def test_an_object_is_freed_once_by_close_or_by_collection():
    freed = []
    made = CObject.returned(freed.append, lambda: 7)
    assert made.address == 7
    made.close()
    made.close()
    del made
    assert freed == [7]
    CObject.returned(freed.append, lambda: 8)
    assert freed == [7, 8]


def test_an_object_in_a_cycle_is_freed():
    freed = []
    made = CObject.returned(freed.append, lambda: 9)
    made.held.insert(0, made)
    del made
    gc.collect()
    assert freed == [9]


def test_a_null_pointer_is_not_freed():
    freed = []
    made = CObject.returned(freed.append, lambda: 0)
    place = CObject.written(freed.append, c_void_p())
    assert (made.address, place.address) == (0, 0)
    made.close()
    place.close()
    assert freed == []


def test_what_c_wrote_is_freed():
    freed, place = [], c_void_p()
    made = CObject.written(freed.append, place)
    place.value = 5
    assert made.address == 5
    made.close()
    assert freed == [place]


def test_a_closed_object_has_no_address():
    made = CObject.returned(lambda _: None, lambda: 7)
    made.close()
    with pytest.raises(ValueError, match="closed"):
        _ = made.address


def test_no_python_function_runs_while_an_object_is_made_and_collected():
    entered = []
    sys.setprofile(lambda frame, event, _: entered.append(frame.f_code.co_name) if event == "call" else None)
    try:
        made = CObject.returned([].append, int, 7)
        entered.clear()
        del made
    finally:
        sys.setprofile(None)
    assert entered == []

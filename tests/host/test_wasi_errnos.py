"""Every WASI function, called with a descriptor for output (1) and one that is not open (3): errnos as in Envoy."""

from functools import cache

import pytest

from tests.host.host_kit import wat
from wasmnb.abi.wasi import WASI_PREVIEW_1
from wasmnb.host import Proxy

#: name -> errnos with the first argument 1 and 3, all other arguments 0. The last test compares it with Envoy.
ERRNOS = {
    "args_get": (0, 0), "args_sizes_get": (0, 0), "clock_res_get": (0, 58), "clock_time_get": (0, 58),
    "environ_get": (0, 0), "environ_sizes_get": (0, 0), "fd_advise": (0, 0), "fd_allocate": (0, 8),
    "fd_close": (0, 0), "fd_datasync": (0, 8), "fd_fdstat_get": (0, 8), "fd_fdstat_set_flags": (52, 52),
    "fd_fdstat_set_rights": (0, 8), "fd_filestat_get": (8, 8), "fd_filestat_set_size": (0, 8),
    "fd_filestat_set_times": (0, 8), "fd_pread": (52, 52), "fd_prestat_dir_name": (52, 52),
    "fd_prestat_get": (8, 8), "fd_pwrite": (0, 8), "fd_read": (52, 52), "fd_readdir": (20, 20),
    "fd_renumber": (8, 8), "fd_seek": (0, 0), "fd_sync": (0, 8), "fd_tell": (0, 8), "fd_write": (0, 8),
    "path_create_directory": (58, 58), "path_filestat_get": (58, 58), "path_filestat_set_times": (58, 58),
    "path_link": (58, 58), "path_open": (44, 44), "path_readlink": (58, 58), "path_remove_directory": (58, 58),
    "path_rename": (58, 58), "path_symlink": (58, 58), "path_unlink_file": (58, 58), "poll_oneoff": (0, 0),
    "proc_exit": (0, 0), "random_get": (0, 0), "sched_yield": (0, 0), "sock_accept": (58, 58),
    "sock_recv": (58, 58), "sock_send": (58, 58), "sock_shutdown": (58, 58),
}  # fmt: skip

#: Address where the guest keeps an errno as two decimal digits; the functions write at 0 and 1.
_TEXT = 60_000


def _import(name: str) -> str:
    params, results = WASI_PREVIEW_1[name]
    types = f"(param {' '.join(params)})" if params else ""
    result = "(result i32)" if results else ""
    return f'(import "wasi_snapshot_preview1" "{name}" (func ${name} {types} {result}))'


def _call(name: str, first: int) -> str:
    """Call a function and log its errno."""
    params, results = WASI_PREVIEW_1[name]
    values = [first, *[0] * len(params)][: len(params)]
    call = f"(call ${name} {' '.join(f'({t}.const {v})' for t, v in zip(params, values, strict=True))})"
    return f"(call $show {call})" if results else f"{call} (call $show (i32.const 0))"


@cache
def prober():
    """Return a filter that logs the errno of every function, twice, in the order of the table."""
    log = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
    body = f"""(func $show (param $errno i32)
        (i32.store8 (i32.const {_TEXT}) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
        (i32.store8 (i32.const {_TEXT + 1}) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
        (drop (call $log (i32.const 2) (i32.const {_TEXT}) (i32.const 2))))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        {" ".join(_call(name, first) for name in WASI_PREVIEW_1 for first in (1, 3))} (i32.const 0))"""
    return wat(body, imports=log + " ".join(map(_import, WASI_PREVIEW_1)))


def errnos(proxy) -> dict[str, tuple[int, int]]:
    """Return the errnos of every function in one exchange."""
    errnos = [int(line.text) for line in proxy.get("/").log if line.text.isdigit()]
    assert len(errnos) == 2 * len(WASI_PREVIEW_1)
    return dict(zip(WASI_PREVIEW_1, zip(errnos[::2], errnos[1::2], strict=True), strict=True))


@pytest.fixture(scope="module")
def simulated():
    with Proxy(prober(), workers=1) as proxy:
        return errnos(proxy)


@pytest.mark.parametrize("name", WASI_PREVIEW_1)
def test_wasi_function_returns_envoys_errno(name, simulated):
    assert simulated[name] == ERRNOS[name]


def test_functions_that_deviate_from_the_standard_have_envoys_parameters():
    """Modules that import them with the standard's 7 and 5 parameters do not load in Envoy."""
    assert [len(WASI_PREVIEW_1[name][0]) for name in ("path_link", "path_symlink")] == [6, 4]


@pytest.mark.envoy
def test_envoy_returns_these_errnos():
    from wasmnb.envoy import Envoy

    with Envoy(prober(), workers=1) as envoy:
        assert errnos(envoy) == ERRNOS

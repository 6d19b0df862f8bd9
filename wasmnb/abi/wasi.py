"""The functions of WASI preview 1 that Envoy 1.40 links, with their core signatures.

Envoy links them under two module names. Most of them do nothing there.
"""

__all__ = ["HELD_HEADERS", "WASI_MODULES", "WASI_PREVIEW_1"]

#: Environment variable with the names of the plugins that have `allow_on_headers_stop_iteration`: the ABI has no hostcall
#: to ask for this setting.
HELD_HEADERS = "WASMNB_HOLD_HEADERS"

#: Names of the import modules that have the functions.
WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")

#: Name -> parameters, one letter each: i for i32, l for i64. The result is an errno as i32, except for `proc_exit`.
_PARAMETERS = {
    "args_get": "ii", "args_sizes_get": "ii", "clock_res_get": "ii", "clock_time_get": "ili", "environ_get": "ii",
    "environ_sizes_get": "ii", "fd_advise": "illi", "fd_allocate": "ill", "fd_close": "i", "fd_datasync": "i",
    "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "ill", "fd_filestat_get": "ii",
    "fd_filestat_set_size": "il", "fd_filestat_set_times": "illi", "fd_pread": "iiili", "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii", "fd_pwrite": "iiili", "fd_read": "iiii", "fd_readdir": "iiili", "fd_renumber": "ii",
    "fd_seek": "ilii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii", "path_create_directory": "iii",
    "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiilli", "path_link": "iiiiii",
    "path_open": "iiiiillii", "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
    "path_symlink": "iiii", "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i", "random_get": "ii",
    "sched_yield": "", "sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}  # fmt: skip

_TYPES = {"i": "i32", "l": "i64"}

#: Name -> (core parameters, core results).
WASI_PREVIEW_1: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    name: (tuple(_TYPES[p] for p in params), () if name == "proc_exit" else ("i32",))
    for name, params in _PARAMETERS.items()
}

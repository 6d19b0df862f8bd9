"""Functions of WASI preview 1 that modules can import from Envoy 1.40, with their core signatures.

They can be imported from two module names. Most of them do nothing in Envoy.
"""

__all__ = ["PAUSED_HEADERS", "WASI_MODULES", "WASI_PREVIEW_1"]

#: Environment variable that contains the names of the plugins with `allow_on_headers_stop_iteration`. The ABI has no hostcall
#: for this option.
PAUSED_HEADERS = "WASMNB_HOLD_HEADERS"

#: Module names from which the functions can be imported.
WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")

#: Name -> parameters as letters (i for i32, l for i64). The result is an errno as i32, except for `proc_exit`.
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

#: Name of a function -> (core parameters, core results).
WASI_PREVIEW_1: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    name: (tuple(_TYPES[p] for p in params), () if name == "proc_exit" else ("i32",))
    for name, params in _PARAMETERS.items()
}

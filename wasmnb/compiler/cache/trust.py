"""Check whether files may run as machine code: only this user and root can have written them.

Facts: a user who can write a file, a folder above it or a link on its path controls its content. A folder with the sticky bit
(`/tmp`) can be written by all users, but only the owner of a file in it can replace that file. A group with the user's own name
and no other members is private; most Linux systems create one for each user. The permissions of the group are also the most that an
access list (ACL) gives to any user, so that a file with such a list has no private group. `..` behind a link doesn't lead back
to where the link is, so that the real path is checked as well.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["distrust"]

#: Links that are followed, one after the other, as Linux does.
_LINKS = 40


def distrust(path: Path) -> str:
    """Return why another user may have written the file at `path`, as the end of a sentence; empty if none can have."""
    waiting = [Path(os.path.realpath(path)), Path(os.path.abspath(path))]  # noqa: PTH100 -- `resolve` would hide the links
    seen = 0
    while waiting:
        checked = waiting.pop()
        for part in (checked, *checked.parents):
            try:
                status = part.lstat()
            except FileNotFoundError:
                return f"{part} does not exist"
            except OSError as error:
                return f"{part} cannot be read ({error.strerror})"
            reason = _distrust_one(part, status)
            if reason:
                return reason
            if stat.S_ISLNK(status.st_mode):
                seen += 1
                if seen > _LINKS:
                    return f"{path} goes through too many links"
                waiting.append(Path(os.path.abspath(part.parent / part.readlink())))  # noqa: PTH100
    return ""


def _distrust_one(path: Path, status: os.stat_result) -> str:
    if status.st_uid not in {os.getuid(), 0}:
        return f"{path} belongs to another user"
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return ""
    if status.st_mode & stat.S_IWOTH:
        return f"{path} can be written by everybody"
    if status.st_mode & stat.S_IWGRP and (_has_access_list(path) or not _is_own_group(status.st_gid)):
        return f"{path} can be written by a group"
    return ""


def _has_access_list(path: Path) -> bool:
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except (OSError, AttributeError):  # it has none, or the system has no such lists
        return False


def _is_own_group(number: int) -> bool:
    """Return whether a group is private to this user, or root's."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return (
        number in {user.pw_gid, 0} and group.gr_name in {user.pw_name, "root"} and set(group.gr_mem) <= {user.pw_name}
    )

"""Checks that files are safe to run as machine code, which means that only this user and root could have written them.

A user who can write a file, a folder above it or a link on its path controls its content. A folder with the sticky bit (`/tmp`)
can be written by all users, but a file in it can be replaced only by the file's owner. A group with the user's own name and no
other members is private; most Linux systems create one for each user. If a file has an access control list (ACL), the
permissions of the group are the maximum of what the list grants to any user, so the group doesn't count as private. `..` after
a link doesn't lead back to the link's folder, so the real path is checked as well.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["distrust"]

#: Maximum number of symbolic links to follow, as in Linux.
_LINKS = 40


def distrust(path: Path) -> str:
    """Return the reason why another user could have written the file at `path`, or '' if no other user could.

    The reason can end a sentence, for example `/srv/cache can be written by all users`.
    """
    waiting = [Path(os.path.realpath(path)), Path(os.path.abspath(path))]  # noqa: PTH100 -- `resolve` would hide the links
    seen = 0
    while waiting:
        checked = waiting.pop()
        for part in (checked, *checked.parents):
            try:
                status = part.lstat()
            except FileNotFoundError:
                return f"{part} doesn't exist"
            except OSError as error:
                return f"{part} can't be read ({error.strerror})"
            reason = _distrust_one(part, status)
            if reason:
                return reason
            if stat.S_ISLNK(status.st_mode):
                seen += 1
                if seen > _LINKS:
                    return f"{path} contains too many symbolic links"
                waiting.append(Path(os.path.abspath(part.parent / part.readlink())))  # noqa: PTH100
    return ""


def _distrust_one(path: Path, status: os.stat_result) -> str:
    if status.st_uid not in {os.getuid(), 0}:
        return f"{path} is owned by another user"
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return ""
    if status.st_mode & stat.S_IWOTH:
        return f"{path} can be written by all users"
    if status.st_mode & stat.S_IWGRP and (_has_access_list(path) or not _is_own_group(status.st_gid)):
        return f"{path} can be written by a group"
    return ""


def _has_access_list(path: Path) -> bool:
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except (OSError, AttributeError):  # the file has no ACL, or the system doesn't support ACLs
        return False


def _is_own_group(number: int) -> bool:
    """Return whether a group contains only this user, or is root's group."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return (
        number in {user.pw_gid, 0} and group.gr_name in {user.pw_name, "root"} and set(group.gr_mem) <= {user.pw_name}
    )

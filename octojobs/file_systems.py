"""What a file lies on, and whether promises about it can be kept there."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""Of Linux (proc(5))."""
_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes blanks and backslashes
NETWORK_OR_MEMORY = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "gfs2", "glusterfs", "fuse.glusterfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "vboxsf", "virtiofs", "webdav", "ramfs", "tmpfs"),
    }
)
"""File systems on which a durable write or an flock means something else than on a local disk."""


def filesystem_of(path: str | os.PathLike[str]) -> str:
    """The type of the file system that holds the path, such as `ext4` or `nfs4`; empty when it can't be told.

    Linux: the innermost mount of `/proc/self/mountinfo` (proc(5)), the last one there; the nearest existing
    parent stands in for a path that isn't there yet.
    """
    place = os.path.realpath(path)
    while not os.path.exists(place) and place != "/":
        place = os.path.dirname(place)
    if sys.platform != "linux":
        return ""
    try:
        lines = MOUNTS.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    except OSError:
        return ""
    longest, found = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = _OCTAL.sub(lambda match: chr(int(match[1], 8)), left.split(" ")[4])
        inside = mount == "/" or place == mount or place.startswith(mount + "/")
        if inside and len(mount) >= len(longest):
            longest, found = mount, right.split(" ")[0]
    return found


def is_network_or_memory(filesystem: str) -> bool:
    """Whether durability or locks can't be promised on such a file system (`filesystem_of`'s answer).

    >>> is_network_or_memory("nfs4"), is_network_or_memory("ext4")
    (True, False)
    """
    return filesystem in NETWORK_OR_MEMORY

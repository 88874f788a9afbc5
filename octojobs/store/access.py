"""What to say, and do, when the state folder can't be read or written."""

from __future__ import annotations

import errno
import os

from octojobs.errors import StorageFailed
from octojobs.store.paths import StatePaths

_SPACE = "free some space: octojobs goes on by itself then"
_OURS = "make it yours (was octojobs called by another user, or by sudo?), or choose another folder with --state-dir"
_FIXES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "make the file system writable, or move the state with --state-dir",
    errno.ESTALE: "it was removed or replaced while this daemon runs: stop it, see that no other runs, and start it again",
    errno.EACCES: _OURS,
    errno.EPERM: _OURS,
    errno.ENOTDIR: "move away what stands in its place, or choose another folder with --state-dir",
}


def storage_failed(what: str, path: str | os.PathLike[str], error: OSError) -> StorageFailed:
    """The failure in words, with the remedy for its cause; `what` is a verb such as "write"."""
    number = error.errno or 0
    reason = os.strerror(number) if number else str(error)
    return StorageFailed(f"can't {what} {os.fspath(path)}: {reason}", _FIXES.get(number, "see to the disk: octojobs tries again by itself"))


def require_readable(paths: StatePaths) -> None:
    """Raise StorageFailed when the state folder, or what is read in it, is there and this user may not read it."""
    needed = (paths.state, paths.backup, paths.journal, paths.old_journal, paths.daemon_lock, paths.history, paths.runs)
    try:
        os.listdir(paths.root)
        if not os.access(paths.root, os.X_OK):  # what is in it would seem not to be there
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), paths.root)
        for path in needed:
            if not os.access(path, os.R_OK) and os.path.lexists(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_failed("read", error.filename or paths.root, error) from None

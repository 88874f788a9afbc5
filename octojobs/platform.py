"""What differs between Linux and macOS: who a process is, who its children are, how a file gets on the disk.

Linux is proven by the tests. The macOS branches are written from its headers and have not run in CI: they are
short, and where they can't answer they say None. Windows is refused with a line about WSL.

The shim imports this file, so it imports next to nothing: each fork pays for what is loaded.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octojobs.core.run import Process

SYSTEM: str = sys.platform
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_NO_NEW_PRIVS = 38
_ADJTIMEX_WORDS, _ADJTIMEX_MAXERROR = 64, 3
_UNSYNCHRONIZED_US = 16_000_000  # what the kernel's estimate of the error grows to when nobody corrects the clock
_RENAME_NOREPLACE, _MACOS_RENAME_EXCL = 1, 4
_CANNOT_RENAME_SO = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_MACOS_PROC_PIDTBSDINFO = 3
_MACOS_ZOMBIE = 5


def require_supported() -> None:
    """Raise UsageError where octojobs can't keep its promises: anywhere but on Linux and macOS."""
    if SYSTEM in ("linux", "darwin"):
        return
    from octojobs.errors import UsageError  # lazily: the shim imports this file and needs no dataclasses

    raise UsageError(f"octojobs runs on Linux and macOS, not on {SYSTEM}", "on Windows, install and run it inside WSL 2")


@cache
def boot_id() -> str:
    """A name for the time since this machine booted; processes of another boot are gone. Empty when it can't be told."""
    if SYSTEM == "linux":
        return _read("/proc/sys/kernel/random/boot_id").strip().decode("ascii", "replace")
    if SYSTEM == "darwin":
        return _sysctl_text(b"kern.bootsessionuuid")
    return ""


def start_ticks(pid: int) -> int | None:
    """When the process started: clock ticks since boot (microseconds since 1970 on macOS). None when it is gone.

    A zombie counts as gone: it runs nothing any more. Raises OSError when it can't be told.
    """
    if sys.platform == "darwin":
        info = _macos_process(pid)
        return None if info is None else info[0]
    fields = _stat_fields(pid)
    return None if fields is None or fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(process: Process) -> bool | None:
    """Whether this very process runs; None when it can't be told (`kill(pid, 0)` would prove nothing)."""
    here = boot_id()
    if not here or not process.boot_id:
        return None
    if process.boot_id != here:
        return False
    try:
        ticks = start_ticks(process.pid)
    except OSError:
        return None
    return ticks is not None and ticks == process.start_ticks


def lives(process: Process) -> bool | None:
    """As `is_alive`, and None too for a process of another user that `/proc` may hide (hidepid): false is proof that it is gone."""
    alive = is_alive(process)
    if alive is not False or process.boot_id != boot_id() or start_ticks(process.pid) is not None:
        return alive
    try:
        os.kill(process.pid, 0)
    except PermissionError:
        return None  # somebody has the pid
    except OSError:
        return False
    return False


def open_pidfd(process: Process) -> int | None:
    """A close-on-exec descriptor that becomes readable when the process ends; the caller closes it.

    None when this very process is gone, and where the kernel has no pidfds: `is_alive` and the `live` lock tell which.
    The identity is checked after opening, so the descriptor can't mean a later process with the same pid.
    """
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM, errno.ESRCH, errno.EINVAL):  # EINVAL: the pid is a thread's by now
            return None
        raise
    if is_alive(process) is False:
        os.close(descriptor)
        return None
    return descriptor


def send_signal(process: Process, number: int) -> bool:
    """Signal this very process; False when it is gone or can't be identified. Raises PermissionError."""
    if is_alive(process) is not True:
        return False
    try:
        descriptor = open_pidfd(process)
        if descriptor is None and is_alive(process) is not True:
            return False
        if sys.platform != "linux" or descriptor is None:
            os.kill(process.pid, number)
            return True
        try:
            signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
    except ProcessLookupError:
        return False
    return True


def load() -> None:
    """Load now what `set_subreaper` would load: for a process that forks often."""
    _prctl_function()


def set_subreaper() -> bool:
    """Make this process the parent of its orphaned descendants; False where that can't be (macOS, no ctypes)."""
    return _prctl(_PR_SET_CHILD_SUBREAPER)


def has_subreapers() -> bool:
    """Whether `set_subreaper` would work here; asked without becoming one: whoever is must wait for orphans."""
    import ctypes  # lazily: see _c_library

    prctl = _prctl_function()
    return prctl is not None and prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(ctypes.c_int()), 0, 0, 0) == 0


def clock_is_synchronized() -> bool | None:
    """Whether something (NTP, PTP, the host) keeps the clock right, as the kernel knows it: adjtimex(2). None where it can't be told."""
    import ctypes  # lazily: see _c_library

    library = _c_library() if SYSTEM == "linux" else None
    if library is None or not hasattr(library, "adjtimex"):
        return None
    timex = (ctypes.c_long * _ADJTIMEX_WORDS)()  # `modes` 0: nothing is set; each field that is read here is a long
    return None if library.adjtimex(timex) < 0 else timex[_ADJTIMEX_MAXERROR] < _UNSYNCHRONIZED_US


def set_no_new_privileges() -> bool:
    """Keep this process and its descendants from gaining privileges by exec; False where that can't be."""
    return _prctl(_PR_SET_NO_NEW_PRIVS)


def end_with_parent(parent: int) -> bool:
    """Have this process killed when its parent, which was `parent`, ends; False where that can't be, or it has ended already."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() == parent


def children(pid: int) -> list[int]:
    """The pids of the direct children, in no particular order; empty when the process is gone."""
    if sys.platform == "darwin":
        return _macos_children(pid)
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
        except FileNotFoundError:
            if not os.path.exists(f"/proc/{pid}/task/{thread}"):
                continue  # the thread ended meanwhile
            return [child for child in _all_pids() if _parent(child) == pid]  # a kernel without CONFIG_PROC_CHILDREN
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, parents first."""
    found: list[int] = []
    wave = children(pid)
    while wave:
        found += wave
        wave = [grandchild for child in wave for grandchild in children(child) if grandchild not in found]
    return found


def reap() -> bool:
    """Take in the children of this process that have ended; whether any is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return False
    return True


def describe(pid: int) -> str:
    """The command line of a process in one line, its name when it has none, empty when it is gone."""
    try:
        words = _read(f"/proc/{pid}/cmdline").rstrip(b"\0").split(b"\0")
        text = b" ".join(words) or _read(f"/proc/{pid}/comm").strip()
    except OSError:
        return ""
    return text[:200].decode("utf-8", "backslashreplace")


def sync_file(descriptor: int) -> None:
    """Put a file's data and size on the disk itself: F_FULLFSYNC on macOS, where fsync stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl  # lazily: this branch alone needs it

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def rename_new(source: str, target: str, *, source_fd: int, target_fd: int) -> None:
    """Rename a file in one step to a name that is free, both in open folders. Raises FileExistsError where it is not, and OSError.

    renameat2(2) with RENAME_NOREPLACE, on macOS renameatx_np(2). A file system that knows neither is first asked whether the
    name is free: two who rename there at the same time need a lock.
    """
    import ctypes  # lazily: see _c_library

    library = _c_library()
    name, flag = ("renameat2", _RENAME_NOREPLACE) if SYSTEM == "linux" else ("renameatx_np", _MACOS_RENAME_EXCL)
    number = errno.ENOSYS
    if library is not None and hasattr(library, name):
        if getattr(library, name)(source_fd, os.fsencode(source), target_fd, os.fsencode(target), ctypes.c_uint(flag)) == 0:
            return
        number = ctypes.get_errno()
    if number not in _CANNOT_RENAME_SO:
        raise OSError(number, os.strerror(number), target)
    try:
        os.stat(target, dir_fd=target_fd, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)


def make_private_folders(path: str | os.PathLike[str]) -> None:
    """Make the folder and those missing above it, each 0700; raises OSError. `makedirs` gives all but the last the umask's mode."""
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        make_private_folders(os.path.dirname(path))
        make_private_folders(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _stat_fields(pid: int) -> list[bytes] | None:
    """The fields of `/proc/PID/stat` from the third on (proc(5)); the second may hold spaces and brackets."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _parent(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return None if fields is None else int(fields[1])


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def release_memory() -> None:
    """Give back what the C library keeps of freed memory (malloc_trim(3), a tenth of a millisecond); without glibc nothing happens.

    Tables that were replaced by larger ones, such as the interpreter's of all names, leave a hole of a megabyte.
    """
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _c_library() -> Any:
    try:
        import ctypes  # lazily: 2 ms that reading verbs don't need

        return ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError):
        return None


@cache
def _prctl_function() -> Any:
    library = _c_library() if SYSTEM == "linux" else None
    return None if library is None else library.prctl


def _prctl(option: int, value: int = 1) -> bool:
    prctl = _prctl_function()
    return prctl is not None and prctl(option, value, 0, 0, 0) == 0


def _sysctl_text(name: bytes) -> str:
    import ctypes  # lazily: see _c_library

    size = ctypes.c_size_t(128)
    buffer = ctypes.create_string_buffer(128)
    library = _c_library()
    if library is None or library.sysctlbyname(name, buffer, ctypes.byref(size), None, 0) != 0:
        return ""
    return buffer.value.decode("ascii", "replace")


def _macos_process(pid: int) -> tuple[int, int] | None:
    """(start in microseconds since 1970, parent) from `proc_pidinfo` (libproc.h, struct proc_bsdinfo); None when gone."""
    import ctypes  # lazily: see _c_library
    import struct

    buffer = ctypes.create_string_buffer(136)
    library = _c_library()
    if library is None or library.proc_pidinfo(pid, _MACOS_PROC_PIDTBSDINFO, ctypes.c_uint64(0), buffer, 136) != 136:
        return None
    status, parent = struct.unpack_from("=I", buffer, 4)[0], struct.unpack_from("=I", buffer, 16)[0]
    seconds, micros = struct.unpack_from("=QQ", buffer, 120)
    return None if status == _MACOS_ZOMBIE else (seconds * 1_000_000 + micros, parent)


def _macos_children(pid: int) -> list[int]:
    import ctypes  # lazily: see _c_library

    library = _c_library()
    buffer = (ctypes.c_int * 4096)()
    count = library.proc_listchildpids(pid, buffer, ctypes.sizeof(buffer)) if library is not None else 0
    return list(buffer[: max(count, 0)])

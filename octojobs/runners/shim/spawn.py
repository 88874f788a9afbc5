"""Starts the job's own process: posix_spawn, because it neither copies page tables nor runs Python in the child."""

from __future__ import annotations

import errno
import os
import select
import signal
import time

COMMAND_NOT_FOUND = 127
"""As every shell says it (POSIX, "Exit Status for Commands"); 126 is found, but can't be executed."""
CANNOT_EXECUTE = 126
ROOM_S = 10.0
"""For how long a system that has no process to spare is asked again: other runs end, and so do the shims that made way for this one."""
_ASK_S = 0.1
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_ignored: tuple[int, ...] = ()


def prepare() -> None:
    """In the launcher, once its signals are set: note those that a job must get back their default for.

    What is ignored stays ignored across exec: SIGPIPE and SIGXFSZ by Python, SIGHUP by `nohup`, some by the launcher.
    """
    global _ignored
    _ignored = tuple(number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN)


class CannotStart(Exception):
    """The job's process can't be started; the message says why, `exit_code` is what a shell would have said."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def spawn(argv: list[str], env: dict[str, str], cwd: str) -> int:
    """The pid of the job: leader of a process group of its own, in folder `cwd`, with this process's three streams.

    A name without a slash is looked up on the PATH of `env` (not on this process's). Raises CannotStart.
    """
    try:
        os.chdir(cwd)
    except OSError as error:
        raise CannotStart(f"can't start: the folder {cwd} can't be entered: {error.strerror}", CANNOT_EXECUTE) from None
    try:
        return _spawn_first(argv, env)
    except ValueError as error:  # a NUL byte, or a name of a variable with "="
        raise CannotStart(f"can't start: {error}", CANNOT_EXECUTE) from None
    finally:
        os.chdir("/")  # a long run must not pin a worktree that somebody wants to remove


def _spawn_first(argv: list[str], env: dict[str, str]) -> int:
    name = argv[0]
    denied: OSError | None = None
    for path in [name] if "/" in name else [f"{folder or '.'}/{name}" for folder in env.get("PATH", DEFAULT_PATH).split(":")]:
        if "/" not in name and not os.access(path, os.F_OK):
            continue  # a spawn that fails costs a process; a PATH has eight folders before the right one
        try:
            return _spawn_in_time(path, argv, env)
        except (FileNotFoundError, NotADirectoryError):
            if "/" in name and os.path.exists(name):
                raise CannotStart(f"can't start: {name} names an interpreter that is not there", COMMAND_NOT_FOUND) from None
        except PermissionError as error:
            denied = error
        except OSError as error:
            raise CannotStart(f"can't start {name}: {_explain(error)}", CANNOT_EXECUTE) from None
    if denied is not None:
        raise CannotStart(f"can't start {name}: {denied.strerror}", CANNOT_EXECUTE)
    where = "" if "/" in name else f" on PATH ({env.get('PATH', DEFAULT_PATH)})"
    raise CannotStart(f"can't start: there is no {name}{where}", COMMAND_NOT_FOUND)


def _spawn_in_time(path: str, argv: list[str], env: dict[str, str]) -> int:
    """Spawn it, once the system has room for another process. Raises OSError; a lack of room is told after `ROOM_S`."""
    until = None
    while True:
        try:
            return os.posix_spawn(path, argv, env, setpgroup=0, setsigmask=(), setsigdef=_ignored)
        except OSError as error:
            until = until or time.monotonic() + ROOM_S
            if error.errno not in (errno.EAGAIN, errno.ENOMEM) or time.monotonic() >= until:
                raise
            select.select((), (), (), _ASK_S)


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOEXEC:
        return "it is no program, and no script that begins with #!"
    if error.errno == errno.E2BIG:
        return "its arguments and environment are too long"
    return error.strerror or str(error)

"""The one place in octojobs that starts processes: short helpers that are waited for, and the launcher."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from typing import IO

from octojobs.slotted import dataclass

OURS = -1
"""The umask of a process that is to have this one's."""
_CHUNK = 65536
_GRACE_S = 1.0
"""Between TERM and KILL for a helper that took too long: it is no job, nobody waits for its clean-up."""
_LEFT_OVER_S = 0.1
"""How long a pipe is read after its process ended: what it wrote is there already, a grandchild may hold it open for ever."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a helper process said; the exit code is negative for a signal, and None when it had to be killed for its time."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it exited with 0 in time."""
        return self.exit_code == 0


@dataclass(slots=True)
class _Kept:
    """The first bytes of a stream; the rest is read and dropped, so that the writer never blocks."""

    limit: int
    data: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> None:
        self.data += chunk[: max(self.limit - len(self.data), 0)]


@dataclass(slots=True)
class _Told:
    """Somebody who is told of each piece of a stream as it comes."""

    add: Callable[[bytes], None]


_Sink = _Kept | _Told


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    input: bytes = b"",  # noqa: A002 -- the name that subprocess.run gave it
    max_output: int = 1_000_000,
) -> Completed:
    """Run a helper to its end and return what it said; never longer than `timeout_s` and a second.

    It has a session and a process group of its own, which is killed when the time is up; a grandchild that keeps
    the pipes open is not waited for. Each stream is cut after `max_output` bytes. Raises OSError when it can't be
    started (FileNotFoundError: no such command or folder).
    """
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.PIPE if input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    kept = _Kept(max_output), _Kept(max_output)
    try:
        in_time = _converse(process, input, kept, time.monotonic() + timeout_s)
        if not in_time:
            _end_group(process)
    except BaseException:  # an interrupt must not leave a helper behind
        _signal_group(process, signal.SIGKILL)
        process.wait()
        raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
    return Completed(process.returncode if in_time else None, bytes(kept[0].data), bytes(kept[1].data), not in_time)


def follow(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    input: bytes,  # noqa: A002 -- as above
    on_output: Callable[[bytes], None],
    on_error: Callable[[bytes], None],
    pass_fds: Sequence[int] = (),
    deaf_to: Collection[int] = (),
    umask: int = OURS,
) -> int:
    """Run a process of this one's own group to its end, and hand on what it prints as it comes; its exit code, negative for a signal.

    Its standard input is `input` and then closed. The signals `deaf_to` are blocked in it. No time limit: whoever watches the group
    has one. A grandchild that keeps the pipes open is not waited for. Raises OSError when it can't be started.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, deaf_to)
    try:
        process = subprocess.Popen(
            list(argv), cwd=cwd, env=dict(env), pass_fds=tuple(pass_fds), bufsize=0, umask=umask,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        if not input and process.stdin is not None:
            process.stdin.close()
            process.stdin = None
        _converse(process, input, (_Told(on_output), _Told(on_error)), float("inf"))
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
    return int(process.returncode)


def spawn(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    pass_fds: Sequence[int] = (),
    output: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this call, in a session of its own, its standard input empty.

    `output` is a descriptor for both output streams; None leaves them where this process's are. Raises OSError.
    """
    return subprocess.Popen(
        list(argv), cwd=cwd, env=dict(env), pass_fds=tuple(pass_fds), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        start_new_session=True,
    )  # fmt: skip


def begin(
    argv: Sequence[str], *, cwd: str | os.PathLike[str], env: Mapping[str, str], pass_fds: Sequence[int] = (), umask: int = OURS
) -> subprocess.Popen[bytes]:
    """Start a process in this one's group, with its three streams; the caller waits for it. Raises OSError, and ValueError for a NUL."""
    return subprocess.Popen(list(argv), cwd=cwd, env=dict(env), pass_fds=tuple(pass_fds), umask=umask)


def _converse(process: subprocess.Popen[bytes], data: bytes, kept: tuple[_Sink, _Sink], deadline: float) -> bool:
    """Feed and read the process until it has ended; False when the deadline came first."""
    with selectors.DefaultSelector() as selector:
        for stream, sink in zip((process.stdout, process.stderr), kept, strict=True):
            _watch(selector, stream, selectors.EVENT_READ, sink)
        if process.stdin is not None:
            _watch(selector, process.stdin, selectors.EVENT_WRITE, memoryview(data))
        pause_s = 0.001
        while True:
            ended = process.poll() is not None
            left_s = deadline - time.monotonic()
            if ended:
                _drain(selector, min(time.monotonic() + _LEFT_OVER_S, deadline))
                return True
            if left_s <= 0:
                return False
            if selector.get_map():
                # An end closes the pipes and wakes us at once, unless a grandchild holds them: then the pause does.
                _serve(selector, min(left_s, max(pause_s, 0.02)))
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(left_s, 60.0))
            pause_s = min(pause_s * 2, 0.25)


def _watch(selector: selectors.BaseSelector, stream: IO[bytes] | None, events: int, data: _Sink | memoryview) -> None:
    if stream is not None:
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, events, data)


def _serve(selector: selectors.BaseSelector, wait_s: float) -> bool:
    """One round of reading and writing; False when nothing was ready."""
    ready = selector.select(max(wait_s, 0))
    for key, _ in ready:
        stream: IO[bytes] = key.fileobj  # type: ignore[assignment]  # _watch registers nothing else
        try:
            if not isinstance(key.data, memoryview):
                chunk = os.read(key.fd, _CHUNK)
                key.data.add(chunk)
                finished = not chunk
            else:
                rest = key.data[os.write(key.fd, key.data[:_CHUNK]) :]
                selector.modify(stream, selectors.EVENT_WRITE, rest)
                finished = not rest
        except BlockingIOError:
            continue
        except OSError:  # it closed its input without reading all of it
            finished = True
        if finished:
            selector.unregister(stream)
            stream.close()
    return bool(ready)


def _drain(selector: selectors.BaseSelector, deadline: float) -> None:
    for key in list(selector.get_map().values()):
        if isinstance(key.data, memoryview):
            selector.unregister(key.fileobj)
    while selector.get_map() and time.monotonic() < deadline and _serve(selector, 0):
        continue


def _end_group(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal_group(process, signal.SIGKILL)  # the group, even when its leader has gone: children may be left
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    # The pid is the group's id. Python has not waited for the leader, or the group still has members, or nobody has the id:
    # in the last case the call fails, and a new group with a pid just freed would need 4 million starts in between.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

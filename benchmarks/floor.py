"""What a recorded run costs at least: the system calls of octojobs' protocol, and nothing decided, checked, limited or encoded.

As octojobs does it (docs/runs.md), four wide: a folder for each run, one durable record for all starts and ends of a moment, a
waiting process for each that runs at the same time, which holds a lock, makes its marker, opens a log, spawns the command,
and renames a result into place. What octojobs needs beyond this is what its Python costs; what a loop needs less is the protocol.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import time
from pathlib import Path

RESULT = b'{"outcome":"succeeded","exit_code":0}'


def floor_seconds(runs: int, width: int, folder: Path) -> float:
    """Seconds for so many runs of `true`, from the first folder to the last durable end."""
    workers = [_worker() for _ in range(width)]
    try:
        started = time.perf_counter()
        _dispatch(runs, [connection for connection, _ in workers], folder)
        return time.perf_counter() - started
    finally:
        for connection, pid in workers:
            connection.shutdown(socket.SHUT_RDWR)  # closing would not do: the workers forked after it hold it, too
            connection.close()
            os.waitpid(pid, 0)


def _dispatch(runs: int, idle: list[socket.socket], folder: Path) -> None:
    journal = os.open(folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    poll = select.poll()
    busy: dict[int, tuple[socket.socket, str]] = {}
    begun = ended = 0
    while ended < runs:
        starts: list[tuple[socket.socket, str]] = []
        while idle and begun < runs:
            place = f"{folder}/{begun}/run/1"
            for path in (f"{folder}/{begun}", f"{folder}/{begun}/run", place):
                os.mkdir(path, 0o700)
            starts.append((idle.pop(), place))
            begun += 1
        os.write(journal, b"x" * 600 * max(1, len(starts)))
        os.fdatasync(journal)
        for connection, place in starts:
            connection.sendall(place.encode())
            busy[connection.fileno()] = connection, place
            poll.register(connection, select.POLLIN)
        for number, _ in poll.poll() if busy else ():
            connection, place = busy.pop(number)
            poll.unregister(number)
            connection.recv(1)
            with open(f"{place}/exit.json", "rb") as result:
                result.read()
            idle.append(connection)
            ended += 1
    os.fdatasync(journal)
    os.close(journal)


def _worker() -> tuple[socket.socket, int]:
    """A process that carries out one run after the other until its connection closes; it and its pid."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            while place := theirs.recv(4096).decode():
                _carry_out(place)
                theirs.sendall(b".")
        finally:
            os._exit(0)
    theirs.close()
    return ours, pid


def _carry_out(place: str) -> None:
    live = os.open(f"{place}/live", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(live, fcntl.LOCK_EX)
    os.link(f"{place}/live", f"{place}/started")
    log = os.open(f"{place}/output.log", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    streams = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    os.waitpid(os.posix_spawnp("true", ["true"], os.environ, file_actions=streams), 0)
    os.close(log)
    result = os.open(f"{place}/.exit.json", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(result, RESULT)
    os.close(result)
    os.rename(f"{place}/.exit.json", f"{place}/exit.json")
    os.close(live)

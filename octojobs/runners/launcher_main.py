"""The launcher's process: forks a shim for each launch it is sent, and exits when the daemon's end of the socket closes.

Run by path, as `python -I -S launcher_main.py FD`. What it imports is loaded before the first fork and shared by all shims,
so an upgrade of the package can't reach a running shim, and a fork costs next to nothing.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import select
import socket
import struct
import sys

# Behind the standard library, which therefore can't be shadowed; without site-packages there is no other octojobs.
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from octojobs import platform
from octojobs.runners.shim import run as shim
from octojobs.runners.shim import signals, spawn

REAP_MS = 1000
_HEADER = struct.Struct("!I")
_MOST_FDS = 253


def main() -> None:
    """Serve batches until the daemon closes its end."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    os.umask(0o077)
    platform.set_no_new_privileges()  # inherited by every shim and every job
    platform.load()
    signals.prepare()
    spawn.prepare()
    gc.disable()
    gc.collect()
    gc.freeze()  # a collection in a shim would touch, and so copy, every page
    ear = select.poll()
    ear.register(connection, select.POLLIN)
    while True:
        # Ended shims are reaped after a second of rest and before the next batch, never earlier: until then the daemon may
        # still be about to open pidfds for the pids of the last answer, and a zombie's pid is nobody else's.
        some_left = True
        while not ear.poll(REAP_MS if some_left else None):
            some_left = reap()
        reap()
        received = receive(connection)
        if received is None:
            return
        specs, gates = received
        answers: list[object] = []
        for number, spec in enumerate(specs):
            if number < len(gates):
                answers.append(fork(connection.fileno(), spec, gates, number))
            else:  # this process may open no more descriptors: the kernel dropped the rest of the message's
                answers.append(f"can't start a shim: {os.strerror(errno.EMFILE)}")
        data = json.dumps(answers).encode("ascii")
        try:
            connection.sendall(_HEADER.pack(len(data)) + data)
        except OSError:  # the daemon has gone; the gates of what was forked have closed with it
            return


def reap() -> bool:
    """Take in the shims that have ended; whether any is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return False
    return True


def receive(connection: socket.socket) -> tuple[list[shim.Spec], list[int]] | None:
    """One batch with the read ends of its gates; None at the end."""
    flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    header, gates, _, _ = socket.recv_fds(connection, _HEADER.size, _MOST_FDS, flags)
    while header and len(header) < _HEADER.size:
        header += connection.recv(_HEADER.size - len(header)) or sys.exit(0)
    if not header:
        return None
    for gate in gates:
        os.set_inheritable(gate, False)
    left = _HEADER.unpack(header)[0]
    parts = []
    while left:
        part = connection.recv(min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return json.loads(b"".join(parts)), gates


def fork(connection: int, spec: shim.Spec, gates: list[int], number: int) -> int | str:
    """The pid of a new shim, or the reason why there is none; the gate is closed here in both cases."""
    try:
        pid = os.fork()
    except OSError as error:
        os.close(gates[number])
        return f"can't start a shim: {error.strerror}"
    if pid == 0:
        code = 70
        try:
            os.close(connection)  # or the daemon would not see the launcher's end while this run lasts
            for other in gates[number + 1 :]:
                os.close(other)
            shim.run(spec, gates[number])
            code = 0
        except BaseException:  # noqa: BLE001 -- the end of the process: what is not written here is seen by nobody
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(gates[number])
    return pid


if __name__ == "__main__":
    main()

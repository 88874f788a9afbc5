"""The launcher's process: forks shims as it is asked to, and exits when the daemon's end of the socket closes.

Run by path, as `python -I -S launcher_main.py FD`. What it imports is loaded before the first fork and shared by all shims,
so an upgrade of the package can't reach a running shim, and a fork costs next to nothing.
"""

from __future__ import annotations

import sys

try:
    import errno
    import gc
    import os
    import select
    import socket
    import struct

    # Behind the standard library, which therefore can't be shadowed; without site-packages there is no other octojobs.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

    from octojobs import platform
    from octojobs.runners.shim import run as shim
    from octojobs.runners.shim import signals, spawn
except (ImportError, OSError) as error:  # no descriptor for a module, or a bad disk: the daemon holds its starts, and tries again
    sys.exit(f"octojobs: the launcher can't begin: {error}")

FIRST_REAP_MS, LAST_REAP_MS = 1000, 16_000
_MOST_FDS = 253


def main() -> None:
    """Serve until the daemon closes its end."""
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
        # still be about to identify the pids of the last answer, and a zombie's pid is nobody else's. While none ends, as
        # at rest, where one waits for its run, the looks become rare.
        pause_ms: int | None = FIRST_REAP_MS
        while not ear.poll(pause_ms):
            pause_ms = min(2 * (pause_ms or 0), LAST_REAP_MS) if platform.reap() else None
        platform.reap()
        count, links = receive(connection)
        if not count:
            return
        # Fewer links than asked for: this process may open no more descriptors, and the kernel dropped the rest.
        answers = [fork(connection.fileno(), links, number) if number < len(links) else -errno.EMFILE for number in range(count)]
        try:
            connection.sendall(struct.pack(f"!{count}i", *answers))
        except OSError:  # the daemon has gone; the connections of what was forked have closed with it
            return


def receive(connection: socket.socket) -> tuple[int, list[int]]:
    """How many shims are wanted, with a connection for each; 0 at the end."""
    flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    try:
        wanted, links, _, _ = socket.recv_fds(connection, 1, _MOST_FDS, flags)
    except ConnectionError:  # the daemon was killed before it had read our last answer
        return 0, []
    for link in links:
        os.set_inheritable(link, False)
    return (wanted[0] if wanted else 0), links


def fork(connection: int, links: list[int], number: int) -> int:
    """The pid of a new shim, or a negative errno; the shim's link is closed here in both cases."""
    try:
        pid = os.fork()
    except OSError as error:
        os.close(links[number])
        return -(error.errno or errno.EAGAIN)
    if pid == 0:
        code = 70
        try:
            os.close(connection)  # or the daemon would not see the launcher's end while this shim lives
            for other in links[number + 1 :]:
                os.close(other)
            shim.serve(links[number])
            code = 0
        except BaseException:  # noqa: BLE001 -- the end of the process: what is not written here is seen by nobody
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(links[number])
    return pid


if __name__ == "__main__":
    main()

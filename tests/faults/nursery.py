"""A warm process that octojobs is forked from: a start costs milliseconds, so that a thousand of them can be killed.

Run by path, as `python -P nursery.py FD`. A request is a line of JSON on the socket: `argv`, `cwd`, `env`, `output` (a file to append
to), `stopped` (wait for SIGCONT before the first step); the answer is a line with the pid. The new process is an orphan at once: its
parent is the next subreaper above this one, which is who asked.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import Any

# What a verb imports as it goes is imported here once.
import git  # noqa: F401 -- as above
import psutil  # noqa: F401 -- as above
import watchdog.observers  # noqa: F401 -- as above

import octojobs.cli.commands.tick
import octojobs.cli.commands.up  # noqa: F401 -- as above
from octojobs.cli.main import main


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Answer requests; returns in a new process what it is to be, and None in this one at the end."""
    stream = connection.makefile("rw")
    for line in stream:
        request: dict[str, Any] = json.loads(line)
        read, write = os.pipe()
        if os.fork() == 0:
            if (pid := os.fork()) != 0:
                os.write(write, str(pid).encode())
                os._exit(0)
            os.close(read)
            os.close(write)
            connection.detach()
            return request
        os.close(write)
        pid_text = os.read(read, 32).decode()
        os.close(read)
        os.wait()
        stream.write(pid_text + "\n")
        stream.flush()
    return None


def become(request: dict[str, Any], server: int) -> None:
    """A process as a shell would have started it: a session, a folder, an environment, three streams of its own."""
    os.setsid()
    os.close(server)
    for number, (path, flags) in enumerate([(os.devnull, os.O_RDONLY), *[(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)] * 2]):
        descriptor = os.open(path, flags, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if request["stopped"]:
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    fd = int(sys.argv[1])
    task = serve(socket.socket(fileno=fd))
    if task is not None:
        become(task, fd)
        sys.exit(main(task["argv"]))

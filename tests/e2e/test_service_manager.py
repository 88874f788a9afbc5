"""`octojobs up` under a service manager: it is told when the daemon serves, what it serves, and that it stops."""

from __future__ import annotations

import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from tests.helpers import commit_files, environment, home_of, make_repository, octojobs, script

JOBS = "jobs:\n  a: {manual: true, command: 'true'}\n"


def test_a_manager_follows_a_daemon_from_its_begin_to_its_end(tmp_path: Path) -> None:
    """Ready with its jobs, alive, reloading and ready again after a commit, stopping; and no job inherits the socket."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        env = {**environment(home_of(repo)), "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        daemon = subprocess.Popen([script(), "up"], cwd=repo, env=env, stderr=subprocess.DEVNULL)
        try:
            heard: list[str] = []

            def until(word: str) -> None:
                while not any(line.startswith(word) for line in heard):
                    heard.extend(manager.recv(4096).decode().splitlines())

            until("READY=1")
            assert any(line.startswith("STATUS=1 job of ") for line in heard)
            heard.clear()
            until("WATCHDOG=1")
            commit_files(repo, {".octopoid/jobs.yaml": JOBS + "  b: {manual: true, command: 'env | grep -c NOTIFY'}\n"})
            until("RELOADING=1")
            until("READY=1")
            until("STATUS=2 jobs of ")
            assert octojobs(repo, "run-now", "b", "--wait").returncode == 1
            daemon.send_signal(signal.SIGTERM)
            until("STOPPING=1")
        finally:
            daemon.kill()
            daemon.wait(20)

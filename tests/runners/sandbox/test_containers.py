"""Runs in containers: the argument vector that docker and podman are called with, and what becomes of a container that lives on."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from octojobs import platform
from octojobs.core.events import AttemptEnded
from octojobs.core.job import Limits, ScriptAction
from octojobs.core.run import Phase
from octojobs.core.sandbox import Backend, Mount, Sandbox
from octojobs.engine.settle import settle
from octojobs.runners import receipts, remains
from octojobs.runners.sandbox.bubblewrap import Unusable
from octojobs.runners.sandbox.containers import name_of, require_usable
from tests.helpers import commit_files, git, wait_until, write
from tests.runners.sandbox.apart import Apart, apart, over
from tests.runners.world import is_running, pid_in, world

__all__ = ["apart", "world"]

DOCKER = Sandbox(Backend.DOCKER, "alpine:3")
# Stands for the client: notes how it was called, and runs the command here, in the container's folder, as a container would.
CLIENT = f"""#!{sys.executable}
import json, os, signal, subprocess, sys
args = sys.argv[1:]
if args[0] == "unshare":
    sys.exit(0)
with open(os.path.join(os.path.dirname(__file__), "calls.jsonl"), "a") as file:
    file.write(json.dumps({{"argv": args, "token": os.environ.get("TOKEN"), "umask": os.umask(0o22)}}) + "\\n")
if args[0] == "rm":
    for line in open(os.path.join(os.path.dirname(__file__), "pids")):
        subprocess.run(["kill", "-KILL", line.strip()])
    sys.exit(0)
at = args.index("--entrypoint")
env = {{name: os.environ[name] for flag, name in zip(args, args[1:]) if flag == "--env" and "=" not in name}}
signal.signal(signal.SIGTERM, lambda number, frame: done.send_signal(number))
done = subprocess.Popen(
    [args[at + 1], *args[at + 3 :]],
    cwd=args[args.index("--workdir") + 1],
    env={{**env, "PATH": os.environ["PATH"]}},
    start_new_session=True,
)
with open(os.path.join(os.path.dirname(__file__), "pids"), "a") as file:
    file.write(f"{{done.pid}}\\n")
sys.exit(done.wait())
"""


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A folder with `docker` and `podman`, to be put on PATH."""
    folder = tmp_path / "clients"
    for name in ("docker", "podman"):
        write(folder / name, CLIENT).chmod(0o755)
    return folder


def path(client: Path) -> dict[str, str]:
    """The PATH of the daemon."""
    return {"PATH": f"{client}:{os.environ['PATH']}"}


def calls(client: Path) -> list[dict[str, Any]]:
    """How the client was called."""
    return [json.loads(line) for line in (client / "calls.jsonl").read_text().splitlines()]


def after(argv: list[str], flag: str) -> list[str]:
    """The values of a flag, in order."""
    return [value for name, value in pairwise(argv) if name == flag]


def test_a_container_gets_the_worktree_and_little_else(apart: Apart, client: Path) -> None:
    """No network, no privileges, the user's own ids; the command is the entry point, whatever the image has."""
    ended = apart.run("cat a.txt; echo x > new; exit 6", DOCKER, environ=path(client), env={"TOKEN": "sesame"})
    assert (ended.exit.exit_code, ended.output.splitlines()[0], ended.patch.exists(), apart.trees) == (6, "one", True, [])
    run, remove = calls(client)
    argv, order = run["argv"], ended.launch.order
    assert order is not None
    assert argv[:5] == ["run", "--rm", "--init", "--interactive", "--read-only"]
    assert {"--cap-drop=ALL", "--security-opt=no-new-privileges"} <= set(argv)
    assert after(argv, "--network") == ["none"]
    assert after(argv, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert after(argv, "--workdir") == [str(order.tree)]
    assert argv[-6:] == ["--entrypoint", "sh", "alpine:3", "-c", "cat a.txt; echo x > new; exit 6"][-6:] or argv[-5:-3] == [
        "--entrypoint",
        "sh",
    ]
    common = apart.root / ".git"
    mounts = after(argv, "--mount")
    assert f"type=bind,source={apart.root},target={apart.root},readonly" in mounts
    assert f"type=bind,source={order.tree},target={order.tree}" in mounts
    assert f"type=bind,source={order.run_dir}/.inside/refs,target={common}/refs" in mounts
    assert f"type=bind,source={common}/objects,target={common}/objects" in mounts
    assert after(argv, "--tmpfs") == ["/tmp:exec"]
    assert mounts[:2] == ["type=tmpfs,target=/var/tmp", "type=tmpfs,target=/run"]
    assert f"type=bind,source={order.run_dir}/.inside/state,target={apart.paths.root},readonly" in mounts
    variables = after(argv, "--env")
    assert {"OCTOJOBS_JOB", "TOKEN", "HOME=/tmp"} <= set(variables)
    assert not {"PATH", "HOME", "USER"} & set(variables)
    assert (run["token"], run["umask"]) == ("sesame", 0o22)
    assert "sesame" not in json.dumps(argv)
    assert remove["argv"] == ["rm", "--force", "--volumes", after(argv, "--name")[0]]


def test_the_name_of_a_container_is_one_whatever_the_folder_is_called(apart: Apart, tmp_path: Path) -> None:
    """Engines take letters, digits and `_.-`, and each name once: repositories may have jobs of the same name, due at the same instant."""
    order = apart.launch("true", DOCKER).order
    assert order is not None
    places = [tmp_path / one / "My Café" for one in "ab"]
    orders = [replace(order, repository=str(place), state=str(place / ".git/octojobs")) for place in places]
    names = [name_of(one) for one in orders]
    assert all(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name) for name in names)
    assert len(set(names)) == 2


def test_network_mounts_and_the_jobs_own_variables_are_passed_on(apart: Apart, client: Path, tmp_path: Path) -> None:
    """A path may hold a comma; a variable that the job names is passed whatever it is called."""
    comma = tmp_path / "a,b"
    comma.mkdir()
    mounts = (Mount("sub", "/sub"), Mount(str(comma), "/c", write=True))
    sandbox = Sandbox(Backend.PODMAN, "alpine:3", network="lan", mounts=mounts)
    apart.run("true", sandbox, environ=path(client), env={"HOME": "/root"})
    argv = calls(client)[0]["argv"]
    assert after(argv, "--network") == ["lan"]
    assert after(argv, "--mount")[-2:] == [
        f"type=bind,source={apart.root}/sub,target=/sub,readonly",
        f'type=bind,"source={comma}",target=/c',
    ]
    assert "HOME" in after(argv, "--env")
    assert "HOME=/tmp" not in argv
    assert ("--userns=keep-id" in argv) == (os.getuid() != 0)
    assert "type=tmpfs,target=/tmp,notmpcopyup" in after(argv, "--mount")
    assert "--stop-timeout=0" in argv
    apart.run("true", Sandbox(Backend.PODMAN, "alpine:3", network=True), environ=path(client))
    assert "--network" not in calls(client)[2]["argv"]


def test_a_function_runs_in_the_images_python(apart: Apart, client: Path) -> None:
    """The interpreter of octojobs is not in the image; its package is shown."""
    commit_files(apart.root, {"tool.py": "def main(ctx): ctx.state['n'] = 1\n"})
    ended = apart.run(ScriptAction("tool:main"), DOCKER, environ=path(client))
    argv = calls(client)[0]["argv"]
    assert after(argv, "--entrypoint") == ["python3"]
    assert any(mount.endswith("octojobs,readonly") for mount in after(argv, "--mount"))
    assert ended.launch.order is not None


def test_a_container_whose_client_was_killed_is_removed_before_its_work_is_kept(apart: Apart, client: Path) -> None:
    """It would go on writing; the next run sees to it."""
    started = apart.start("echo x > new; echo $$ > ready; exec sleep 1000", DOCKER, environ=path(client))
    tree = started.launch.order.tree if started.launch.order else Path()
    pid = pid_in(tree / "ready")
    wait_until(lambda: (client / "pids").exists() and (client / "pids").read_text().endswith("\n"))
    (host,) = platform.children(started.process.pid)
    (called,) = platform.children(host)
    for victim in (started.process.pid, host, called):
        os.kill(victim, signal.SIGKILL)
    assert is_running(pid)
    ended = apart.run("true", DOCKER, environ=path(client))
    assert "was killed and left a worktree" in ended.output
    assert not is_running(pid)


def test_the_container_of_a_lost_run_is_removed_at_its_recovery(apart: Apart, client: Path) -> None:
    """No run with a worktree need come: whoever finds the run lost ends it, and says so."""
    started = apart.start("echo $$ > ready; exec sleep 1000", DOCKER, environ=path(client))
    tree = started.launch.order.tree if started.launch.order else Path()
    pid = pid_in(tree / "ready")
    wait_until(lambda: (client / "pids").exists() and (client / "pids").read_text().endswith("\n"))
    os.kill(started.process.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(started.process.pid))
    run = replace(apart.runs[-1], phase=Phase.RUNNING, process=started.process)
    end = settle(run, started.launch.run_dir, run.due, platform.boot_id(), {**os.environ, **path(client)})
    assert isinstance(end, AttemptEnded)
    assert end.attempt.reason.endswith("; its container was removed")
    assert not is_running(pid)


def test_a_container_that_does_not_listen_is_ended_before_its_client_is_killed(apart: Apart, client: Path) -> None:
    """What only the client's death would leave running is gone with the run, and its work is kept."""
    started = apart.start(
        "trap '' TERM; echo x > new; echo $$ > ready; while :; do sleep 0.05; done",
        DOCKER,
        environ=path(client),
        limits=Limits(kill_grace_s=20.0),
    )
    tree = started.launch.order.tree if started.launch.order else Path()
    pid = pid_in(tree / "ready")
    wait_until(lambda: (client / "pids").exists() and (client / "pids").read_text().endswith("\n"))
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, is_running(pid), ended.patch.exists(), apart.trees) == ("cancelled", False, True, [])
    assert git(apart.root, "worktree", "list").count("\n") == 0


def test_a_client_that_is_missing_is_told(apart: Apart, tmp_path: Path) -> None:
    """The run fails, with the remedy."""
    for backend in (Backend.DOCKER, Backend.PODMAN):
        with pytest.raises(Unusable, match=f"there is no program {backend.value} on PATH; install it, or choose another backend"):
            require_usable(backend, {"PATH": str(tmp_path)})


GOING = """#!/bin/sh
test -e "$0.asked" && echo "Error: No such container: x" >&2 && exit 1
touch "$0.asked"
echo "Error: removal of container x is already in progress" >&2
exit 1
"""


def test_a_container_that_is_going_by_itself_is_waited_for(tmp_path: Path) -> None:
    """Docker removes one whose processes were killed; it counts as removed once it is gone."""
    program = write(tmp_path / "docker", GOING)
    program.chmod(0o755)
    write(tmp_path / "run" / remains.NOTE, json.dumps({"remove": [str(program), "rm", "--force", "x"]}))
    assert remains.end_container(tmp_path / "run", os.environ)
    assert not remains.end_container(tmp_path / "run", os.environ)

"""An agent in a sandbox: the program is inside, whoever reads what it prints stays outside."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.agents.world import AGENT, AGENT_FILE, FAKE, Agents
from tests.helpers import git, octojobs, start_octojobs, wait_until, write
from tests.runners.sandbox.engines import Engine, engine
from tests.runners.sandbox.test_bubblewrap import needs_bwrap
from tests.runners.sandbox.test_containers import after, calls, client

__all__ = ["client", "engine"]

WALLS = {"backend": "bubblewrap", "mounts": [{"source": str(FAKE.parent)}]}


@needs_bwrap
def test_an_agent_works_in_a_sandbox_and_what_it_did_is_kept(agents: Agents) -> None:
    """Its answer comes out, its commits and the rest are kept; nothing else was written."""
    hook = agents.repo / ".git/hooks/pre-commit"
    run = agents.ask(f"do:commit one.txt\ndo:write two.txt\ndo:shell (echo x > {hook}) 2>/dev/null || echo refused", sandbox=WALLS)
    result = run["result"]
    assert (run["outcome"], result["text"], result["commits"]) == ("succeeded", "refused\n", 1)
    assert git(agents.repo, "show", f"{result['branch']}:one.txt") == "made"
    assert "two.txt" in agents.patch(run).read_text()
    assert (hook.exists(), agents.worktrees()) == (False, [])


@needs_bwrap
def test_in_a_sandbox_an_agent_has_its_variables_an_empty_home_and_no_network(agents: Agents, tmp_path: Path) -> None:
    """What its profile passes on is there; what lies in the home folder is not."""
    write(tmp_path / "home/.netrc", "secret")
    agents.declare(
        'do:shell echo "$ANTHROPIC_API_KEY $OCTOJOBS_JOB $STRAY"; ls -A "$HOME"; ls /sys/class/net 2>&1 | wc -l; grep -c : /proc/net/dev',
        sandbox=WALLS,
    )
    run = agents.run(HOME=str(tmp_path / "home"), ANTHROPIC_API_KEY="sk-secret-1", STRAY="x")
    first, *rest = run["result"]["text"].splitlines()
    assert (first, rest[-1]) == (f"{'*' * 11} ask ", "1")
    assert ".netrc" not in rest


@needs_bwrap
def test_a_session_is_gone_on_with_in_a_sandbox(agents: Agents) -> None:
    """With `resume: true` the home folder is the job's own, and stays; the worktree lies where it lay."""
    first = agents.ask('do:shell echo kept > "$HOME/session"; pwd', resume=True, sandbox=WALLS)
    second = agents.ask('do:shell cat "$HOME/session"; pwd', resume=True, sandbox=WALLS)
    folder = agents.state / "worktrees/ask"
    assert (first["result"]["text"], second["result"]["text"]) == (f"{folder}\n", f"kept\n{folder}\n")
    assert second["result"]["session"] == first["result"]["session"]
    assert (agents.state / "homes/ask/session").read_text() == "kept\n"


@needs_bwrap
def test_a_program_in_the_home_folder_has_to_be_shown(agents: Agents, tmp_path: Path) -> None:
    """The run says which mount does it, and then it does."""
    tool = write(tmp_path / "home/bin/tool", "#!/bin/sh\ncat\n")
    tool.chmod(0o755)
    env = {"HOME": str(tmp_path / "home"), "PATH": f"{tool.parent}:{os.environ['PATH']}"}
    agents.declare("Hello", files={AGENT_FILE: "command: [tool]\n"}, sandbox={"backend": "bubblewrap"})
    run = agents.run(**env)
    assert run["exit_code"] == 2
    assert agents.output(run).splitlines()[-1] == (
        f"octojobs: tool is {tool}, which the sandbox does not show; "
        f"show it: `mounts: [{{source: {tool.parent}}}]`, with what else it needs, or install it for everybody"
    )
    agents.declare("Hello", sandbox={"backend": "bubblewrap", "mounts": [{"source": "~/bin"}]})
    assert agents.run(**env)["result"]["text"] == "Hello"


@needs_bwrap
def test_a_cancelled_agent_in_a_sandbox_is_asked_itself(agents: Agents) -> None:
    """TERM reaches the program, not what is around it, and its work is kept."""
    agents.declare("do:become trap 'echo heard > heard; exit' TERM; echo > ready; while :; do sleep 0.05; done", sandbox=WALLS)
    daemon = start_octojobs(agents.repo, "up")
    try:
        wait_until(lambda: json.loads(octojobs(agents.repo, "status", "--json").stdout)["daemon"], what="the daemon")
        assert octojobs(agents.repo, "run-now", "ask").returncode == 0
        wait_until(lambda: list((agents.state / "worktrees").glob("*/ready")), what="the agent at work")
        octojobs(agents.repo, "cancel", agents.last()["id"])
        wait_until(lambda: agents.last()["outcome"], what="its end")
    finally:
        daemon.terminate()
        daemon.wait()
    assert agents.last()["outcome"] == "cancelled"
    assert "+heard" in agents.patch(agents.last()).read_text()


@needs_bwrap
def test_a_prompt_in_a_file_is_read_in_a_sandbox(agents: Agents) -> None:
    """The folder of the attempt is another one inside; the prompt lies in it."""
    agents.declare("Hello", files={AGENT_FILE: "command: [cat, '{prompt_file}']\nprompt: file\n"}, sandbox={"backend": "bubblewrap"})
    assert agents.run()["result"]["text"] == "Hello"


@needs_bwrap
def test_what_is_expected_is_checked_in_the_same_sandbox(agents: Agents) -> None:
    """A command of `expect` sees what the agent has left, and no more of the machine than it."""
    command = ["sh", "-c", f"test -e one.txt && ! test -e {agents.state}/journal.jsonl"]
    run = agents.ask("do:write one.txt\ndo:result", sandbox=WALLS, expect={"command": command})
    assert (run["outcome"], "command: sh exited with 0" in agents.output(run)) == ("succeeded", True)


def test_an_agent_works_in_a_container(agents: Agents, client: Path) -> None:
    """It is asked through the client's standard input; values stand in no argument, and the container is removed."""
    agents.declare(
        "do:write a.txt\ndo:env ANTHROPIC_API_KEY",
        sandbox={"backend": "docker", "image": "agent:1", "network": True},
        files={AGENT_FILE: AGENT},
    )
    run = agents.run(PATH=f"{client}:{os.environ['PATH']}", ANTHROPIC_API_KEY="sk-secret-1")
    assert json.loads(run["result"]["text"]) == ["*" * 11]
    assert "a.txt" in agents.patch(run).read_text()
    started, removed = calls(client)
    assert "--interactive" in started["argv"]
    assert started["argv"][started["argv"].index("--entrypoint") + 1] == sys.executable
    assert "sk-secret-1" not in json.dumps(started)
    assert removed["argv"][:2] == ["rm", "--force"]


def test_an_agent_works_in_a_container_of_a_real_engine(agents: Agents, engine: Engine) -> None:
    """Asked through the client's standard input; its commits and the rest are kept, its key reaches it, and no container is left."""
    command = json.dumps(["python3", str(FAKE), "--session", "{session_id}"])
    mounts = [{"source": "/usr"}, {"source": str(FAKE.parent)}]
    agents.declare(
        'do:commit one.txt\ndo:write two.txt\ndo:shell echo "$ANTHROPIC_API_KEY in $(pwd)"; grep -c : /proc/net/dev',
        sandbox={"backend": engine.sandbox.backend.value, "image": engine.sandbox.image, "mounts": mounts},
        files={AGENT_FILE: f"profile: claude\ncommand: {command}\n"},
    )
    run = agents.run(PATH=engine.environ["PATH"], ANTHROPIC_API_KEY="sk-secret-1")
    result = run["result"]
    tree = agents.state / "worktrees" / f"{run['id']}.1"
    assert (run["outcome"], result["text"], result["commits"]) == ("succeeded", f"{'*' * 11} in {tree}\n1\n", 1)
    assert git(agents.repo, "show", f"{result['branch']}:one.txt") == "made"
    assert "two.txt" in agents.patch(run).read_text()
    assert (agents.worktrees(), run["id"].replace("@", ".") in engine.told("ps", "--all")) == ([], False)


def test_an_agent_that_does_not_listen_is_ended_in_a_container_of_a_real_engine(agents: Agents, engine: Engine) -> None:
    """By its time limit, before its client is killed: what it did is kept, and no container is left."""
    mounts = [{"source": "/usr"}, {"source": str(FAKE.parent)}]
    agents.declare(
        "do:deaf\ndo:write two.txt\ndo:sleep",
        sandbox={"backend": engine.sandbox.backend.value, "image": engine.sandbox.image, "mounts": mounts},
        files={AGENT_FILE: f"profile: claude\ncommand: {json.dumps(['python3', str(FAKE), '--session', '{session_id}'])}\n"},
        timeout="8s",
        kill_grace="6s",
    )
    run = agents.run(PATH=engine.environ["PATH"])
    assert (run["outcome"], "two.txt" in agents.patch(run).read_text(), agents.worktrees()) == ("timed_out", True, [])
    assert "octojobs." not in engine.told("ps", "--all", "--format", "{{.Names}}")


def test_a_session_is_gone_on_with_in_a_container(agents: Agents, client: Path) -> None:
    """The job's own home folder is mounted to be written, and `HOME` is where it lies; the worktree lies where it lay."""
    sandbox, env = {"backend": "podman", "image": "agent:1"}, {"PATH": f"{client}:{os.environ['PATH']}"}
    agents.declare("do:argv", resume=True, sandbox=sandbox)
    first, second = agents.run(**env), agents.run(**env)
    assert json.loads(second["result"]["text"]) == ["--again", "--session", first["result"]["session"]]
    home = agents.state / "homes/ask"
    started = [call["argv"] for call in calls(client) if call["argv"][0] == "run"]
    assert [after(argv, "--mount")[-1] for argv in started] == [f"type=bind,source={home},target={home}"] * 2
    assert [f"HOME={home}" in after(argv, "--env") for argv in started] == [True, True]
    assert [after(argv, "--workdir") for argv in started] == [[str(agents.state / "worktrees/ask")]] * 2
    agents.declare("do:argv", resume=True, sandbox=sandbox, env={"HOME": "/tmp"})
    assert agents.run(**env)["outcome"] == "succeeded"
    argv = calls(client)[-2]["argv"]
    assert [mount for mount in after(argv, "--mount") if mount.endswith("target=/tmp")] == [f"type=bind,source={home},target=/tmp"]


def test_a_session_is_gone_on_with_in_a_container_of_a_real_engine(agents: Agents, engine: Engine) -> None:
    """What the program has left in its home folder is there again; a run without `resume` sees nothing of it."""
    command = ["python3", str(FAKE), "--session", "{session_id}"]
    agent = f"profile: claude\ncommand: {json.dumps(command)}\nresume: {json.dumps([*command, '--again'])}\n"
    mounts = [{"source": "/usr"}, {"source": str(FAKE.parent)}]
    sandbox = {"backend": engine.sandbox.backend.value, "image": engine.sandbox.image, "mounts": mounts}
    told = []
    for words, resume in (("echo kept > ~/session; pwd", True), ("cat ~/session; pwd", True), ("test -e ~/session || echo none", False)):
        agents.declare(f"do:shell {words}", resume=resume, sandbox=sandbox, files={AGENT_FILE: agent})
        told.append(agents.run(PATH=engine.environ["PATH"])["result"])
    folder = agents.state / "worktrees/ask"
    assert [result["text"] for result in told] == [f"{folder}\n", f"kept\n{folder}\n", "none\n"]
    assert (told[0]["session"] == told[1]["session"], told[1]["session"] == told[2]["session"]) == (True, False)


def test_an_agent_whose_image_is_not_there_is_not_asked(agents: Agents, engine: Engine) -> None:
    """It is no failure of the agent's: what is missing stands in the output."""
    sandbox = {"backend": engine.sandbox.backend.value, "image": "localhost:1/nowhere:1"}
    agents.declare("do:result", sandbox=sandbox, files={AGENT_FILE: "profile: claude\ncommand: [python3]\n"})
    run = agents.run(PATH=engine.environ["PATH"])
    assert (run["outcome"], run["exit_code"], agents.worktrees()) == ("failed", 2, [])
    assert "octojobs: there is no image localhost:1/nowhere:1 here, and " in agents.output(run)


def test_what_an_agent_leaves_running_is_ended_before_its_work_is_kept(agents: Agents) -> None:
    """Also what has a session and an environment of its own."""
    run = agents.ask("do:shell env -i setsid sh -c 'while :; do date > late; sleep 0.05; done' >/dev/null 2>&1 & echo started")
    assert run["result"]["text"] == "started\n"
    assert agents.worktrees() == []
    assert (agents.patch(run).exists(), "escaped" in json.dumps(run)) == (True, False)


@pytest.mark.parametrize("backend", ["bubblewrap", "docker", "podman"])
def test_without_the_program_an_agent_is_not_asked(agents: Agents, backend: str, tmp_path: Path) -> None:
    """There is no falling back to less."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    sandbox = {"backend": backend, **({} if backend == "bubblewrap" else {"image": "a:1"})}
    agents.declare("do:write a.txt\ndo:result", sandbox=sandbox)
    run = agents.run(PATH=str(folder))
    program = "bwrap" if backend == "bubblewrap" else backend
    assert (run["outcome"], run["exit_code"], agents.worktrees()) == ("failed", 2, [])
    assert f"octojobs: there is no program {program} on PATH; install it" in agents.output(run)

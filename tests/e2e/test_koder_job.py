"""The job of the scheduler's RFC runs as it is written there: an agent in a container, and what it came to is handed to a relay, once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octojobs import process
from octojobs.repository import Repository
from tests.config.loading import load
from tests.config.test_kjob import JOB
from tests.engine.world import World, at
from tests.helpers import commit_files, git, make_repository, octojobs, start_octojobs, wait_until, write
from tests.notify.world import Receiver, receiving
from tests.runners.sandbox.engines import Engine, engine, rootfs
from tests.runners.sandbox.test_containers import after, calls, client, path

__all__ = ["client", "engine"]

AGENT = {".octopoid/agents/kode/agent.yaml": "command: [kode, run]\n"}
ANSWER = 'read -r prompt; echo "$1 $prompt on $(git rev-parse HEAD)"'
NAME = "weekly-stack-audit"


@pytest.fixture
def relay() -> Iterator[Receiver]:
    """A real HTTP server in the place of Kode Relay."""
    with receiving() as server:
        yield server


def imported(root: Path, relay: Receiver, text: str) -> Path:
    """A repository with the TOML job imported, an agent of its name, and the channel; all is committed."""
    repo = make_repository(root, {"README.md": "the stack\n"})
    write(root / "rfc.toml", text)
    assert octojobs(repo, "import", "kjob", str(root / "rfc.toml")).returncode == 0
    settings = f'channels: {{kode-chat: {{relay: "{relay.url.removesuffix("/hook?a=b")}", allow_hosts: [127.0.0.1]}}}}\n'
    commit_files(repo, {**AGENT, ".octopoid/octojobs.yaml": settings})
    git(repo, "add", ".octopoid")
    git(repo, "commit", "--quiet", "--message", "the RFC's job")
    return repo


def kode(client: Path, does: str) -> None:
    """The agent's program, where the recording client finds it; `$1` is what it was called with."""
    write(client / "kode", f"#!/bin/sh\n{does}\n").chmod(0o755)


def dispatched(relay: Receiver) -> list[dict[str, Any]]:
    """What was posted; each to the path that the RFC names."""
    assert set(relay.paths) <= {"/v1/dispatch"}
    return [json.loads(body) for _, body in relay.got]


def test_it_is_imported_run_and_told_through_the_command_line(tmp_path: Path, client: Path, relay: Receiver) -> None:
    """`kjob create`, `run-now`, `inspect`, `runs` and `logs` of the RFC, as octojobs has them; the relay is asked once."""
    kode(client, ANSWER)
    repo = imported(tmp_path, relay, JOB)
    checked = octojobs(repo, "validate", PATH=path(client)["PATH"])
    assert (checked.returncode, "warning" in checked.stdout + checked.stderr) == (0, False)
    assert octojobs(repo, "allow", "--yes", PATH=path(client)["PATH"]).returncode == 0
    daemon = start_octojobs(repo, "up", PATH=path(client)["PATH"])
    try:
        wait_until(lambda: json.loads(octojobs(repo, "status", "--json").stdout)["daemon"], what="the daemon")
        assert octojobs(repo, "run-now", NAME).returncode == 0
        wait_until(lambda: dispatched(relay), timeout=60, what="the relay")
        wait_until(lambda: json.loads(octojobs(repo, "status", "--json").stdout)["outbox"]["pending"] == 0, what="the outbox")
    finally:
        daemon.terminate()
        daemon.wait(30)
    octojobs(repo, "tick", PATH=path(client)["PATH"])
    (run,) = json.loads(octojobs(repo, "runs", NAME, "--json").stdout)["runs"]
    log = repo / ".git/octojobs/runs" / NAME / run["id"] / "1/output.log"
    said = f"run /k-housekeep on {git(repo, 'rev-parse', 'HEAD')}"
    assert dispatched(relay) == [
        {
            "channel": "kode-chat:user-rpm32510",
            "message": {"title": f"[{NAME}] completed", "body": f"{said}\n\n{log}", "status": "success"},
        }
    ]
    assert said in octojobs(repo, "logs", run["id"]).stdout
    assert "backend: docker, image: koder-cli:latest" in octojobs(repo, "inspect", NAME).stdout
    started, _ = calls(client)
    at_image = started["argv"].index("koder-cli:latest")
    assert (after(started["argv"], "--entrypoint"), started["argv"][at_image + 1 :]) == (["kode"], ["run"])
    assert after(started["argv"], "--network") == ["none"]


@pytest.mark.parametrize(
    ("does", "change", "status", "words", "tries"),
    [
        (ANSWER, {}, "success", "completed", 1),
        ("cat; echo no model; exit 3", {}, "failed", "failed", 4),
        ("exec sleep 1000", {'"30m"': '"3s"'}, "timeout", "timed out", 4),
    ],
    ids=["success", "failed", "timeout"],
)
def test_it_is_due_on_monday_tried_again_and_told_when_that_is_over(
    tmp_path: Path, client: Path, relay: Receiver, does: str, change: dict[str, str], status: str, words: str, tries: int
) -> None:
    """Three retries after 10, 20 and 40 seconds, as `exponential` is; the relay hears of the last one alone."""
    kode(client, does)
    text = JOB
    for old, new in change.items():
        text = text.replace(old, new)
    repo = imported(tmp_path, relay, text)
    world = World(repo, {**os.environ, **path(client)})
    world.ground.repository = Repository.discover(repo)
    try:
        files = git(repo, "ls-files", ".octopoid").splitlines()
        definitions = load(more={name: (repo / name).read_text() for name in files}).definitions
        assert definitions is not None
        world.feed.definitions = definitions
        world.tick()
        world.clock.advance((at("2026-11-23T08:59:59Z") - world.clock.now()).total_seconds())
        world.tick()
        assert not world.runs()
        for seconds in (1, 10, 20, 40, 80):
            world.tick(seconds)
            world.drain()
    finally:
        world.close()
    (told,) = dispatched(relay)
    assert (told["channel"], told["message"]["title"], told["message"]["status"]) == (
        "kode-chat:user-rpm32510",
        f"[{NAME}] {words}",
        status,
    )
    assert told["message"]["body"].endswith(f"/runs/{NAME}/{NAME}@20261123T090000Z/{tries}/output.log")
    assert [call["argv"][0] for call in calls(client)].count("run") == tries


def test_it_runs_in_a_container_of_a_real_engine(tmp_path: Path, engine: Engine, relay: Receiver) -> None:
    """Of the image that it names, which has the agent's program; in podman the job differs from the RFC's by that word."""
    image = "koder-cli:latest"
    if process.run((engine.sandbox.backend.value, "image", "inspect", image), timeout_s=60.0, env=engine.environ).ok:
        pytest.skip(f"somebody has an image {image} here")
    script = '#!/bin/sh\nread -r prompt\necho "$1 $prompt"\n'
    engine.told("import", str(rootfs(tmp_path / "kode.tar", {"usr/bin/kode": script})), image)
    try:
        repo = imported(tmp_path, relay, JOB.replace('"docker"', f'"{engine.sandbox.backend.value}"'))
        assert octojobs(repo, "allow", "--yes").returncode == 0
        assert octojobs(repo, "run-now", NAME, PATH=engine.environ["PATH"]).returncode == 0
        octojobs(repo, "tick", PATH=engine.environ["PATH"])
    finally:
        engine.told("rmi", "--force", image)
    (told,) = dispatched(relay)
    assert (told["message"]["status"], told["message"]["body"].splitlines()[0]) == ("success", "run /k-housekeep")

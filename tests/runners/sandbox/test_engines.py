"""Runs in containers of a real engine: what they see, what they may write, how they end, and that no container is left."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from octojobs import platform
from octojobs.core.events import AttemptEnded
from octojobs.core.job import Action, CommandAction, Limits, ScriptAction
from octojobs.core.run import Phase
from octojobs.core.sandbox import Backend, Mount
from octojobs.engine.settle import settle
from octojobs.runners import receipts
from octojobs.runners.sandbox.containers import name_of, require_usable
from tests.helpers import commit_files, git, octojobs, wait_until, write
from tests.runners.sandbox.apart import COMMIT, FILES, Apart, Ended, apart, files_of, over
from tests.runners.sandbox.engines import MARK, Engine, end_namespace, engine
from tests.runners.world import Launched, world

__all__ = ["apart", "engine", "world"]


@dataclass
class Contained:
    """Runs in containers of one engine."""

    apart: Apart
    engine: Engine

    def run(self, command: str | Action, **fields: Any) -> Ended:
        """Run it to its end."""
        return self.apart.run(command, **self._fields(fields))

    def begin(self, command: str, **fields: Any) -> Launched:
        """A run that goes on for ever and has come as far as the file `ready` in its worktree."""
        started = self.apart.start(f"{command}; echo > ready; while :; do sleep 0.05; done", **self._fields(fields))
        wait_until((tree_of(started) / "ready").exists, what="the command in the container")
        wait_until(lambda: self.stands(started) == "running", what="the client, which passes no signal on before")
        return started

    def has(self, run: Ended | Launched) -> bool:
        """Whether the run's container is there, in whatever state."""
        assert run.launch.order is not None
        return self.engine.has(name_of(run.launch.order))

    def stands(self, run: Launched) -> str:
        """How the run's container stands, by what its client has noted."""
        assert run.launch.order is not None
        return self.engine.told("inspect", "--format", "{{.State.Status}}", name_of(run.launch.order)).strip()

    def _fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        asked = {name: fields.pop(name) for name in ("image", "network") if name in fields}
        mounts = (*self.engine.sandbox.mounts, *fields.pop("mounts", ()))
        return {"sandbox": replace(self.engine.sandbox, mounts=mounts, **asked), "environ": self.engine.environ, **fields}


@pytest.fixture
def contained(apart: Apart, engine: Engine) -> Contained:
    """A repository whose runs are in containers."""
    return Contained(apart, engine)


def tree_of(run: Ended | Launched) -> Path:
    """The run's worktree."""
    assert run.launch.order is not None
    return run.launch.order.tree


def test_a_command_runs_in_the_image_and_in_its_worktree(contained: Contained) -> None:
    """Its exit code is the run's, what it printed is the output, what it left is a patch, and the container is gone."""
    ended = contained.run(f"cat a.txt /{MARK}; pwd; echo x > new; echo wrong >&2; exit 6")
    said = ended.output.splitlines()[:-1]
    assert sorted(said) == sorted(["one", "a test", str(tree_of(ended)), "wrong"])
    assert (ended.exit.exit_code, "+x" in ended.patch.read_text(), contained.apart.trees) == (6, True, [])
    assert not contained.has(ended)


def test_nothing_but_the_worktree_can_be_written(contained: Contained) -> None:
    """Neither the image, nor the user's tree, nor hooks, settings and `info` of the repository."""
    common = contained.apart.root / ".git"
    places = [
        contained.apart.root / "a.txt",
        common / "config",
        common / "hooks/x",
        common / "info/exclude",
        common / "HEAD",
        Path("/usr/x"),
        Path("/x"),
    ]
    commands = "; ".join(f"(echo x >> {place}) 2>/dev/null && echo wrote {place}" for place in places)
    ended = contained.run(f"{commands}; (echo x > .git) 2>/dev/null && echo wrote .git; touch /tmp/a && echo wrote; true")
    assert ended.output == "wrote\n"
    assert files_of(contained.apart.root) == FILES


def test_the_rest_of_the_state_is_not_there(contained: Contained) -> None:
    """What others printed, and their patches, are nobody's business: of the state folder there is what the run was given."""
    write(contained.apart.paths.root / "secrets", "x")
    write(contained.apart.paths.root / "runs/other/1/output.log", "x")
    ended = contained.run(f"cd {contained.apart.paths.root}; ls . runs")
    assert ended.output.split() == [".:", "runs", "worktrees", "runs:", "nightly"]


def test_its_commits_are_kept_on_a_branch(contained: Contained) -> None:
    """Also those of a branch that it has made; other people's refs stay where they were."""
    before = git(contained.apart.root, "rev-parse", "main")
    ended = contained.run(f"echo 1 > one; git add one; {COMMIT}; git update-ref refs/heads/main HEAD; echo 2 > two")
    name = f"octojobs/nightly/{ended.launch.run_dir.parent.name}"
    assert (ended.result["sandbox"]["branch"], git(contained.apart.root, "show", f"{name}:one")) == (name, "1")
    assert "+2" in ended.patch.read_text()
    assert (git(contained.apart.root, "rev-parse", "main"), list(ended.result["sandbox"]["refs"])) == (before, ["refs/heads/main"])
    ended = contained.run(f"git switch --quiet -c fix; echo 3 > three; git add three; {COMMIT}")
    assert git(contained.apart.root, "show", f"{ended.result['sandbox']['branch']}:three") == "3"
    assert contained.apart.trees == []


def test_what_it_writes_belongs_to_the_user(contained: Contained, tmp_path: Path) -> None:
    """In its worktree, in what is mounted for it, and in git's folder, so that all of it can be removed."""
    cache = tmp_path / "cache"
    cache.mkdir()
    mounts = (Mount(str(cache), "/cache", write=True), Mount("sub", "/sub"))
    ended = contained.run(
        f"echo kept > /cache/out; cat /sub/b.txt; mkdir -p deep/er; echo x > deep/er/new; git add deep; {COMMIT}", mounts=mounts
    )
    assert ended.output.splitlines()[0] == "two"
    assert (cache / "out").read_text() == "kept\n"
    owners = {path.lstat().st_uid for place in (cache, contained.apart.root / ".git") for path in place.rglob("*")}
    assert (owners, contained.apart.trees) == ({os.getuid()}, [])


def test_there_is_no_network_unless_it_is_asked_for(contained: Contained) -> None:
    """Without one there is the loopback alone; `host` is a network of every engine."""
    command = "grep -c : /proc/net/dev"
    assert contained.run(command).output == "1\n"
    assert contained.run(command, network="host").output == f"{Path('/proc/net/dev').read_text().count(':')}\n"


def test_the_environment_is_the_jobs_own(contained: Contained) -> None:
    """With the image's PATH, a home folder that can be written, and values that stand in no argument vector."""
    ended = contained.run(
        'echo "$TOKEN $OCTOJOBS_JOB $PATH $HOME ${USER-none}"; echo x > ~/x; cat /proc/1/cmdline | tr "\\0" " "', env={"TOKEN": "sesame"}
    )
    first, second = ended.output.splitlines()
    assert first == "sesame nightly /usr/local/bin:/usr/bin /tmp none"
    assert "sesame" not in second


def test_a_result_comes_out_and_how_the_run_ended_cannot_be_forged(contained: Contained) -> None:
    """The attempt's folder inside is another one."""
    ended = contained.run('echo 7 > "$OCTOJOBS_RESULT"; echo "{}" > "$OCTOJOBS_RUN_DIR/exit.json"; exit 4')
    assert (ended.result, ended.exit.exit_code) == (7, 4)
    assert not (ended.launch.run_dir / ".inside").exists()


def test_a_function_runs_in_the_images_python(contained: Contained) -> None:
    """From its commit; what it remembers is there for its next run."""
    commit_files(
        contained.apart.root, {"tool.py": "def main(ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return ctx.state['n']\n"}
    )
    assert [contained.run(ScriptAction("tool:main")).result for _ in range(2)] == [1, 2]


def test_how_it_ends_is_told_as_a_shell_tells_it(contained: Contained) -> None:
    """128 and its number for a signal; a program that is not there is named, and fails."""
    assert contained.run("kill -KILL $$").exit.exit_code == 128 + signal.SIGKILL
    ended = contained.run(CommandAction(("nowhere", "x")))
    assert ended.exit.exit_code in (1, 127)
    assert re.search("nowhere|No such file", ended.output)


def test_an_image_that_is_not_there_is_told(contained: Contained) -> None:
    """The trouble is not the command's: 125, and a sentence below what the client said of its own."""
    image = "localhost:1/nowhere:1"
    ended = contained.run("true", image=image)
    program = contained.engine.sandbox.backend.value
    assert (ended.exit.exit_code, contained.apart.trees) == (125, [])
    assert ended.output.splitlines()[-1] == (
        f"octojobs: there is no image {image} here, and {program} could not get it; build it, `{program} pull` it, or mend `image:`"
    )


def test_the_doctor_tells_of_an_image_that_is_not_there(contained: Contained) -> None:
    """It asks the engine, and pulls nothing."""
    sandbox = contained.engine.sandbox
    jobs = {
        name: {"manual": True, "command": "true", "sandbox": {"backend": sandbox.backend.value, "image": image}}
        for name, image in {"here": sandbox.image, "away": "localhost:1/nowhere:1"}.items()
    }
    commit_files(contained.apart.root, {".octopoid/jobs.yaml": json.dumps({"jobs": jobs})})
    told = octojobs(contained.apart.root, "doctor", PATH=contained.engine.environ["PATH"]).stdout
    found = [line for line in told.splitlines() if f" {sandbox.backend.value}: " in line]
    assert len(found) == 2
    assert re.match(rf"ok +{sandbox.backend.value}: its engine answers: [0-9.]+", found[0])
    assert found[1] == (
        f"weak   {sandbox.backend.value}: there is no image localhost:1/nowhere:1 here; "
        f"`{sandbox.backend.value} pull` or build it; the first run tries to pull it"
    )


@pytest.mark.skipif(os.getuid() == 0, reason="root needs no user namespace")
def test_a_namespace_that_podman_has_not_made_yet_is_told(contained: Contained) -> None:
    """A run can't make it; nothing is started, and no worktree stays. What looks outside of runs makes one."""
    if contained.engine.sandbox.backend is not Backend.PODMAN:
        pytest.skip("docker needs none")
    end_namespace(contained.engine.folder)
    ended = contained.run("true")
    assert (ended.exit.exit_code, contained.apart.trees) == (125, [])
    assert "octojobs: no sandbox (podman) could be made: podman has no user namespace, and a run may not make one: " in ended.output
    require_usable(Backend.PODMAN, contained.engine.environ)
    assert contained.run("true").exit.exit_code == 0


def test_a_time_limit_ends_the_container(contained: Contained) -> None:
    """What it did until then is kept."""
    ended = contained.run("echo x > new; exec sleep 1000", limits=Limits(timeout_s=8.0, kill_grace_s=20.0))
    assert (ended.exit.outcome, ended.patch.exists(), contained.apart.trees, contained.has(ended)) == ("timed_out", True, [], False)


def test_a_command_that_is_cancelled_hears_of_it(contained: Contained) -> None:
    """TERM goes through the client to the command, which ends as it likes."""
    started = contained.begin("trap 'echo heard > heard; exit 3' TERM", limits=Limits(kill_grace_s=20.0))
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, "+heard" in ended.patch.read_text(), contained.has(ended)) == ("cancelled", True, False)


def test_a_command_that_does_not_listen_is_ended(contained: Contained) -> None:
    """Before its client is killed, and its work is kept."""
    started = contained.begin("trap '' TERM; echo x > new", limits=Limits(kill_grace_s=6.0))
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, ended.patch.exists(), contained.apart.trees, contained.has(ended)) == ("cancelled", True, [], False)


def test_the_container_of_a_run_that_lost_its_shim_is_removed(contained: Contained) -> None:
    """By whoever finds the run lost, who says so."""
    started = contained.begin("echo x > new")
    os.kill(started.process.pid, signal.SIGKILL)
    wait_until(lambda: platform.is_alive(started.process) is False)
    run = replace(contained.apart.runs[-1], phase=Phase.RUNNING, process=started.process)
    end = settle(run, started.launch.run_dir, run.due, platform.boot_id(), contained.engine.environ)
    assert isinstance(end, AttemptEnded)
    assert end.attempt.reason.endswith("; its container was removed")
    assert not contained.has(started)


def test_a_container_that_has_lost_all_around_it_is_removed_before_its_work_is_kept(contained: Contained) -> None:
    """Shim, host and client were killed: the next run sees to it."""
    started = contained.begin("echo x > new")
    victims = [started.process.pid, *platform.descendants(started.process.pid)]
    ours = ("python3", Path(sys.executable).name, contained.engine.sandbox.backend.value)
    for victim in [pid for pid in victims if Path(f"/proc/{pid}/comm").read_text().strip() in ours]:
        os.kill(victim, signal.SIGKILL)
    assert contained.has(started)
    ended = contained.run("true")
    assert "was killed and left a worktree" in ended.output
    assert (contained.has(started), contained.apart.trees) == (False, [])
    patch = contained.apart.paths.root / "patches" / f"{started.launch.run_dir.parent.name}.1.patch"
    assert "+x" in patch.read_text()

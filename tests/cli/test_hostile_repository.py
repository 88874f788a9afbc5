"""Repositories that were made to have somebody run their code: no verb does, whatever was put where."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from octojobs.cli.verbs import VERBS
from tests.cli.conftest import Call
from tests.helpers import GIT_WORLD, commit_files, git, home_of, make_repository, write

JOBS = ".octopoid/jobs.yaml"
SETTINGS = ".octopoid/octojobs.yaml"
SCRIPT, GUARD = "run.sh", "guard.sh"
READING = tuple(
    tuple(line.split())
    for line in (
        *(
            "validate",
            "list",
            "status",
            "allow --dry-run",
            "next",
            "plan",
            "plan HEAD~1..HEAD",
            "simulate",
            "why job",
            "why guarded",
            "runs",
        ),
        *("inspect job", "logs job", "doctor", "export crontab", "task list", "task show 12345678", "lease list"),
        *("agent list", "agent usage", "agent run claude hello --dry-run", "hook pre-commit"),
        *("init --dry-run", "create new --interval 1h --command true --dry-run", "delete job --dry-run", "enable job --dry-run"),
        *(
            "disable job --dry-run",
            "import kjob jobs.json --dry-run",
            "run-now job --dry-run",
            "run-now guarded --dry-run",
            "pause --all --dry-run",
            "down --dry-run",
        ),
        *("resume --all --dry-run", "cancel job --dry-run", "retry job --dry-run", "enqueue title --dry-run", "deny --dry-run"),
        *("completion bash", "tick --dry-run"),
    )
)
"""A call of every verb but `up`, as somebody makes it who only looks."""
REFUSED = tuple(
    tuple(line.split())
    for line in (
        "up --once",
        "up --detach",
        "tick",
        "run-now job",
        "pause --all",
        "pause job",
        "resume --all",
        "cancel job",
        "retry job",
        "agent run claude hello",
    )
)
"""What starts something, or asks for it."""
FORGED = "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n"


class Ground:
    """An innocent repository, a program that leaves the canary, and definitions that would."""

    def __init__(self, root: Path) -> None:
        self.canary = root / "canary"
        self.innocent = root / "innocent"
        guarded = f"{{interval: 1h, command: 'true', conditions: [{{command: 'sh {GUARD}'}}]}}"
        self.jobs = f"jobs:\n  job: {{interval: 1h, command: 'sh {SCRIPT}'}}\n  guarded: {guarded}\n"
        self.script = f"echo {self.innocent}; touch {self.innocent}\n"
        self.repo = make_repository(root, {JOBS: self.jobs, SCRIPT: self.script, GUARD: "exit 1\n", "a": "a\n"})
        self.trap = write(root / "trap", f"#!/bin/sh\ntouch {self.canary}\ncat\n")
        self.trap.chmod(0o755)

    @property
    def hostile(self) -> str:
        """Definitions that run the trap as a job, and as the guard of one."""
        guard = f"{{interval: 1h, command: 'true', conditions: [{{command: {self.trap}}}]}}"
        return f"jobs:\n  job: {{interval: 1h, command: {self.trap}}}\n  guarded: {guard}\n"

    def set(self, **settings: str) -> Path:
        """Write settings of git (`core__fsmonitor`) into the repository's own configuration."""
        for key, value in settings.items():
            git(self.repo, "config", key.replace("__", "."), value)
        return self.repo

    def hostile_commit(self) -> str:
        """A commit with the hostile definitions, on no branch that is checked out."""
        git(self.repo, "switch", "--quiet", "--create", "hostile")
        commit = commit_files(self.repo, {JOBS: self.hostile})
        git(self.repo, "switch", "--quiet", "main")
        return commit

    def dirty(self) -> None:
        """Make git read a file: of the same size, at another time."""
        write(self.repo / "a", "b\n")
        os.utime(self.repo / "a", (1_000_000_000, 1_000_000_000))


def hooks(ground: Ground) -> Path:
    """Every hook there is, in git's own folder and in a chosen one."""
    names = (
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "pre-commit",
        "post-commit",
        "fsmonitor-watchman",
        "pre-auto-gc",
    )
    for folder in (ground.repo / ".git/hooks", ground.repo / "hooks"):
        for name in names:
            folder.mkdir(exist_ok=True)
            (folder / name).symlink_to(ground.trap)
    return ground.set(core__hooksPath=str(ground.repo / "hooks"))


def filters(ground: Ground) -> Path:
    """A filter that must read every file before git can say whether it changed."""
    write(ground.repo / ".git/info/attributes", "* filter=evil\n")
    ground.dirty()
    return ground.set(filter__evil__clean=str(ground.trap), filter__evil__process=str(ground.trap), filter__evil__required="true")


def differ(ground: Ground) -> Path:
    """Programs that show differences."""
    write(ground.repo / ".git/info/attributes", "* diff=evil\n")
    ground.dirty()
    return ground.set(diff__external=str(ground.trap), diff__evil__textconv=str(ground.trap), diff__evil__command=str(ground.trap))


def signature(ground: Ground) -> Path:
    """A commit that is to be checked, and the repository's idea of who checks it."""
    changed = commit_files(ground.repo, {JOBS: ground.hostile})
    raw = subprocess.run(["git", "cat-file", "commit", changed], cwd=ground.repo, check=True, capture_output=True, text=True).stdout
    head, body = raw.split("\n\n", 1)
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(command, cwd=ground.repo, check=True, capture_output=True, text=True, input=f"{head}\n{FORGED}\n{body}").stdout
    git(ground.repo, "reset", "--quiet", "--hard", made.strip())
    programs = {f"gpg__{name}program": str(ground.trap) for name in ("", "ssh__", "openpgp__")}
    return ground.set(gpg__ssh__defaultKeyCommand=str(ground.trap), gpg__ssh__allowedSignersFile=str(ground.trap), **programs)


def replaced(ground: Ground) -> Path:
    """The committed definitions, replaced by others for whoever follows `refs/replace`."""
    commit = ground.hostile_commit()
    git(ground.repo, "replace", f"main:{JOBS}", f"{commit}:{JOBS}")
    return ground.repo


def tag(ground: Ground) -> Path:
    """A tag of the branch's name, which git prefers."""
    git(ground.repo, "tag", "main", ground.hostile_commit())
    return ground.repo


def moved(ground: Ground) -> Path:
    """The branch, on a commit that nobody has approved."""
    git(ground.repo, "update-ref", "refs/heads/main", ground.hostile_commit())
    return ground.repo


def linked(ground: Ground) -> Path:
    """The jobs' file as a link to one that nobody has looked at."""
    write(ground.repo / "other.yaml", ground.hostile)
    (ground.repo / JOBS).unlink()
    (ground.repo / JOBS).symlink_to("../other.yaml")
    git(ground.repo, "add", "--all")
    git(ground.repo, "commit", "--quiet", "--message", "a link")
    return ground.repo


def led_away(ground: Ground) -> Path:
    """A git folder that takes configuration, branches and objects from another one."""
    other = make_repository(ground.repo.parent / "other", {JOBS: ground.hostile})
    git(other, "config", "core.fsmonitor", str(ground.trap))
    write(ground.repo / ".git/commondir", f"{other}/.git\n")
    return ground.repo


def led_here(ground: Ground) -> Path:
    """A folder that claims to be a worktree of a repository that was allowed, with a HEAD of its own."""
    commit = ground.hostile_commit()
    folder = ground.repo.parent / "claims"
    write(folder / ".git/commondir", f"{ground.repo}/.git\n")
    write(folder / ".git/HEAD", f"{commit}\n")
    write(folder / JOBS, ground.hostile)
    return folder


def bare_inside(ground: Ground) -> Path:
    """A folder of the tree that is itself a bare repository, with a configuration that came with the clone."""
    folder = ground.repo / "docs"
    git(ground.repo, "init", "--quiet", "--bare", "docs")
    git(folder, "config", "core.fsmonitor", str(ground.trap))
    git(folder, "config", "core.bare", "false")
    git(folder, "config", "core.worktree", "..")
    write(folder / JOBS, ground.hostile)
    return folder


def strange(ground: Ground) -> Path:
    """Just hostile definitions, committed."""
    commit_files(ground.repo, {JOBS: ground.hostile})
    return ground.repo


def guard_script(ground: Ground) -> Path:
    """The same for the script of a guard, on disk alone."""
    write(ground.repo / GUARD, ground.trap.read_text())
    return ground.repo


def script(ground: Ground) -> Path:
    """The definitions as they were approved, and another script where they look."""
    commit_files(ground.repo, {SCRIPT: ground.trap.read_text()})
    return ground.repo


@dataclass(frozen=True)
class Case:
    """`set_up` returns the folder in which all is called; `naive` is what runs the trap, or reads what would, without our care.

    `level` is what was allowed before that, None for nothing; `up` is how `up --once` ends (1: a change waits), `runs` whether the
    innocent job does.
    """

    set_up: Callable[[Ground], Path]
    naive: str
    level: str | None = "repository"
    up: int = 0
    runs: bool = True
    source: str = "HEAD"


CASES = {
    "fsmonitor": Case(lambda ground: ground.set(core__fsmonitor=str(ground.trap)), "git status"),
    "hooks": Case(hooks, "git update-ref refs/heads/new HEAD"),
    "filters": Case(filters, "git status"),
    "diff.external": Case(differ, "git --no-pager diff"),
    "gpg.ssh.program": Case(signature, "git log -1 --show-signature", level="signed", up=1),
    "replace refs": Case(replaced, f"git show HEAD:{JOBS}"),
    "a tag named main": Case(tag, f"git show main:{JOBS}", source="refs/heads/main"),
    "a moved refs/heads/main": Case(moved, f"git show main:{JOBS}", level="plan", up=1),
    "a symlinked jobs.yaml": Case(linked, f"cat {JOBS}", up=2, runs=False),
    "a commondir elsewhere": Case(led_away, "git status", up=4, runs=False),
    "a commondir of an allowed repository": Case(led_here, f"git show HEAD:{JOBS}"),
    "a bare repository in the tree": Case(bare_inside, "git status", up=4, runs=False),
    "a repository that nobody allowed": Case(strange, f"git show HEAD:{JOBS}", level=None, up=4, runs=False),
    "an unapproved script of a guard": Case(guard_script, f"cat {GUARD}", level="plan", up=0, runs=True),
    "an unapproved script": Case(script, f"cat {SCRIPT}", level="plan", up=1, runs=False),
}


@pytest.mark.parametrize("name", CASES)
def test_no_verb_runs_what_a_repository_smuggles_in(name: str, tmp_path: Path, at_home: Callable[[Path], Path], call: Call) -> None:
    """The trap is live, as plain git or a plain reader shows; every verb, called by somebody who only looks, and `up` keep clear of it."""
    case, ground = CASES[name], Ground(tmp_path)
    write(home_of(at_home(ground.repo)) / ".config/octojobs/allowed_signers", "ada@example.org ssh-ed25519 AAAA\n").chmod(0o600)
    if case.level:
        allowed = call(ground.repo, "allow", "--yes", "--level", case.level, "--source", case.source)
        assert allowed.code == 0, allowed.err
    folder = case.set_up(ground)
    world = {**os.environ, **GIT_WORLD}
    naive = subprocess.run(case.naive, shell=True, cwd=folder, env=world, capture_output=True, text=True, check=False)
    assert ground.canary.exists() or str(ground.trap) in naive.stdout or str(ground.canary) in naive.stdout, naive
    ground.canary.unlink(missing_ok=True)
    assert {verb for verb, entry in VERBS.items() if not entry.alias_of} == {"up"} | {verb for verb, *_ in READING}
    for verb in READING:
        said = call(folder, *verb)
        assert not ground.canary.exists(), f"{verb}: {said.out}{said.err}"
    said = call(folder, "up", "--once")
    assert not ground.canary.exists(), said.out + said.err
    assert said.code == case.up, said.out + said.err
    assert ground.innocent.exists() is case.runs, said.out + said.err


class Elsewhere:
    """A folder that is none of the repository's, with something in it, and definitions."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "elsewhere"
        write(self.folder / "thesis.txt", "all of it\n")
        self.repo = make_repository(root, {JOBS: "jobs:\n  job: {interval: 1h, command: 'true'}\n"})
        self.home = self.repo / ".git/octojobs"

    def contents(self) -> dict[str, bytes]:
        """What lies there, folders as empty files."""
        return {str(path): b"" if path.is_dir() else path.read_bytes() for path in sorted(self.folder.rglob("*"))}

    def settle(self, state_dir: str) -> str:
        """Commit the settings that name a state folder."""
        commit_files(self.repo, {SETTINGS: f"state_dir: {state_dir}\n"})
        until = f"until then the state is that in {self.home}"
        return f"state_dir {state_dir!r} counts once this repository is allowed (`octojobs allow`); {until}"

    def link(self, at: Path, to: Path) -> str:
        """Put a link into git's folder, as an archive may bring one."""
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(to)
        return f"{at} leads to {to}, and nobody has allowed {self.repo} to write there; remove the link, or read what would run"


def linked_in_the_tree(elsewhere: Elsewhere) -> str:
    """A committed link, and a path over it."""
    (elsewhere.repo / "var").symlink_to("../elsewhere")
    git(elsewhere.repo, "add", "var")
    return elsewhere.settle("var/state")


STATES: dict[str, tuple[Callable[[Elsewhere], str], int]] = {
    "an absolute path": (lambda one: one.settle(str(one.folder / "state")), 0),
    "a path that climbs": (lambda one: one.settle("../elsewhere"), 0),
    "a path over a link": (linked_in_the_tree, 0),
    "a link in git's folder": (lambda one: one.link(one.home, one.folder), 4),
    "a link to what is not there yet": (lambda one: one.link(one.home, one.folder / "state"), 4),
    "a link to a file": (lambda one: one.link(one.home / "history.sqlite", one.folder / "thesis.txt"), 4),
    "a link to a file that is not there yet": (lambda one: one.link(one.home / "tasks.sqlite", one.folder / "new"), 4),
}
"""What sets it up and says how that is told, and how a verb that reads ends."""


@pytest.mark.parametrize("name", STATES)
def test_a_repository_that_nobody_allowed_has_nothing_written_outside_of_it(
    name: str, tmp_path: Path, at_home: Callable[[Path], Path], call: Call
) -> None:
    """By whatever verb: the state is looked for in git's folder alone, and `list` says so, or refuses a link that leads out of it."""
    set_up, code = STATES[name]
    elsewhere = Elsewhere(tmp_path)
    told = set_up(elsewhere)
    before = elsewhere.contents()
    at_home(elsewhere.repo)
    for verb in (*READING, *REFUSED, ("enqueue", "title"), ("lease", "take", "--name", "x", "--for", "1h")):
        said = call(elsewhere.repo, *verb)
        assert said.code != 70, f"{verb}: {said.err}"
        assert elsewhere.contents() == before, f"{verb}: {said.out}{said.err}"
        assert said.code != 0 or verb not in REFUSED, f"{verb}: {said.out}{said.err}"
    said = call(elsewhere.repo, "list")
    assert (said.code, said.err.startswith(f"octojobs: {told}"), said.err.count(told)) == (code, True, 1), said.err


def test_a_state_folder_counts_once_the_repository_is_allowed(tmp_path: Path, at_home: Callable[[Path], Path], call: Call) -> None:
    """At level `plan` a change of it waits, as every change does."""
    elsewhere = Elsewhere(tmp_path)
    elsewhere.settle("../elsewhere/state")
    at_home(elsewhere.repo)
    assert call(elsewhere.repo, "allow", "--yes", "--level", "plan").code == 0
    said = call(elsewhere.repo, "list")
    assert (said.code, said.err) == (0, "")
    assert call(elsewhere.repo, "status", "--json").json["state"] == f"{elsewhere.repo}/../elsewhere/state"
    elsewhere.settle("../elsewhere/other")
    assert call(elsewhere.repo, "status", "--json").json["state"] == f"{elsewhere.repo}/../elsewhere/state"
    assert call(elsewhere.repo, "allow", "--yes").code == 0
    assert call(elsewhere.repo, "status", "--json").json["state"] == f"{elsewhere.repo}/../elsewhere/other"


def test_a_link_that_somebody_made_for_the_state_does_not_stand_in_the_way_of_allow(
    tmp_path: Path, at_home: Callable[[Path], Path], call: Call
) -> None:
    """Whoever reads what would run, and allows it, may have the state on another disk."""
    elsewhere = Elsewhere(tmp_path)
    elsewhere.link(elsewhere.home, elsewhere.folder)
    at_home(elsewhere.repo)
    assert call(elsewhere.repo, "list").code == 4
    said = call(elsewhere.repo, "allow", "--yes")
    assert (said.code, call(elsewhere.repo, "list").code) == (0, 0), said.err

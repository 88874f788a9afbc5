"""Level `plan`: what was approved runs until the changed plan is approved, and what is taken away stops at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.config.approval import Approval, Plan, approve, approved
from octojobs.config.contents import Contents
from octojobs.config.loader import Loader
from octojobs.config.proposal import difference, what_runs
from octojobs.config.reload import Reload
from octojobs.config.source import CommitSource
from octojobs.config.trust import Level, allow, deny, plan_file
from octojobs.errors import NotTrusted
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository

JOBS = ".octopoid/jobs.yaml"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
APPROVED = """\
jobs:
  one: {interval: 5m, command: make one}
  two: {interval: 5m, command: make two}
  three: {interval: 5m, command: make three}
"""
CHANGED = """\
jobs:
  one: {interval: 5m, command: curl evil}
  three: {interval: 5m, command: make three, enabled: false}
  four: {interval: 5m, command: make four}
"""


class Planned:
    """A repository at level `plan`, with a daemon's reload on it."""

    def __init__(self, root: Path) -> None:
        self.root = make_repository(root, {JOBS: APPROVED})
        self.repository = Repository.discover(self.root)
        self.allow()
        self.reload = Reload(CommitSource(self.repository), Loader(), Approval(self.repository))
        self.reload.check()

    def allow(self) -> None:
        """As `octojobs allow --level plan` does, in another process."""
        source = CommitSource(self.repository)
        files = Contents(source).look()
        approve(self.repository, Plan(source.name, files))
        allow(self.repository, Level.PLAN, now=NOW, by="ada")

    def running(self) -> dict[str, str]:
        """The enabled jobs in force, and their commands."""
        jobs = self.reload.current().jobs.values()
        return {job.id: str(getattr(job.action, "command", "")) for job in jobs if job.enabled}


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """One whose first plan is approved."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Planned(tmp_path)


def test_a_changed_plan_waits_while_the_approved_one_runs(planned: Planned) -> None:
    """Added and changed jobs wait; removed and disabled ones stop at once, for stopping needs nobody's leave."""
    good = git(planned.root, "rev-parse", "HEAD")
    assert planned.running() == {"one": "make one", "two": "make two", "three": "make three"}
    commit = commit_files(planned.root, {JOBS: CHANGED})
    assert planned.reload.check()
    assert planned.running() == {"one": "make one"}
    assert planned.reload.note == (
        f"commit {commit[:7]} changes the plan and waits for `octojobs allow`; the definitions of commit {good[:7]} stay in force"
    )
    assert planned.reload.pending is not None
    assert [*planned.reload.pending.jobs] == ["one", "three", "four"]
    assert not planned.reload.check(ask=True)


def test_an_approval_is_live_at_the_next_check(planned: Planned) -> None:
    """The running daemon sees the record change; nobody restarts it."""
    commit_files(planned.root, {JOBS: CHANGED})
    planned.reload.check()
    planned.allow()
    assert planned.reload.check()
    assert planned.running() == {"one": "curl evil", "four": "make four"}
    assert (planned.reload.note, planned.reload.pending) == ("", None)


def test_a_job_that_was_taken_away_comes_back_with_the_approved_plan(planned: Planned) -> None:
    """A revert restores the files that were approved: nothing waits."""
    commit_files(planned.root, {JOBS: CHANGED})
    planned.reload.check()
    commit_files(planned.root, {JOBS: APPROVED})
    assert planned.reload.check()
    assert [*planned.running()] == ["one", "two", "three"]
    assert planned.reload.note == ""


def test_a_daemon_that_starts_with_a_changed_plan_runs_the_approved_one(planned: Planned) -> None:
    """Its contents are kept with the approval: no need for the old commit, which may be gone."""
    commit_files(planned.root, {JOBS: CHANGED})
    planned.reload = Reload(CommitSource(planned.repository), Loader(), Approval(planned.repository))
    assert planned.reload.check()
    assert planned.running() == {"one": "make one"}


def test_a_broken_plan_is_a_broken_file_first(planned: Planned) -> None:
    """Nobody is asked to approve what can't run."""
    commit_files(planned.root, {JOBS: "jobs: ["})
    assert not planned.reload.check()
    assert len(planned.running()) == 3
    assert planned.reload.problems
    assert planned.reload.pending is None


def test_trust_that_is_taken_back_leaves_nothing_in_force(planned: Planned) -> None:
    """The daemon that asks next learns that it may not start anything, and ends."""
    deny(planned.repository)
    with pytest.raises(NotTrusted, match=f"nobody has allowed {planned.root} to run jobs on this machine yet"):
        planned.reload.check()


def test_level_repository_waits_for_nobody(planned: Planned) -> None:
    """The default: any committed change runs."""
    allow(planned.repository, Level.REPOSITORY, now=NOW, by="ada")
    commit_files(planned.root, {JOBS: CHANGED})
    assert planned.reload.check()
    assert planned.running() == {"one": "curl evil", "four": "make four"}


def test_an_approved_plan_is_kept_private_and_whole(planned: Planned) -> None:
    """0600, byte for byte; a damaged one is no approval."""
    files = {JOBS: ("a" * 40, "jobs: {} # \u20ac\r\n".encode()), ".octopoid/jobs/x.yaml": ("b" * 40, b"\xff")}
    approve(planned.repository, Plan("c" * 40, files, "other.yaml"))
    assert approved(planned.repository) == Plan("c" * 40, files, "other.yaml")
    file = plan_file(planned.repository)
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text('{"v": 1, "files": []}', encoding="utf-8")
    with pytest.raises(NotTrusted) as raised:
        approved(planned.repository)
    assert str(raised.value) == f"{file} is not an approved plan; run `octojobs allow` again"
    file.unlink()
    assert approved(planned.repository) is None
    with pytest.raises(NotTrusted, match=r"^no plan of .* is approved; run `octojobs allow` again$"):
        Approval(planned.repository).read()


def test_the_difference_is_a_diff_of_the_files() -> None:
    """What changed, came and went, as reviewers are used to it."""
    before = {JOBS: ("1", b"jobs:\n  a: 1\n"), "gone.yaml": ("2", b"x")}
    after = {JOBS: ("3", b"jobs:\n  a: 2\n"), "new.yaml": ("4", b"y\n")}
    assert difference(before, after).splitlines() == [
        "--- a/.octopoid/jobs.yaml",
        "+++ b/.octopoid/jobs.yaml",
        "@@ -1,2 +1,2 @@",
        " jobs:",
        "-  a: 1",
        "+  a: 2",
        "--- a/gone.yaml",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
        "\\ No newline at end of file",
        "--- /dev/null",
        "+++ b/new.yaml",
        "@@ -0,0 +1 @@",
        "+y",
    ]
    assert difference(after, after) == ""


def test_everything_that_would_be_executed_is_told(tmp_path: Path) -> None:
    """Commands, functions, conditions, follow-ups and modules; names of variables, never their values."""
    root = make_repository(
        tmp_path,
        {
            ".octopoid/octojobs.yaml": (
                "modules: [tools.jobs]\nconditions: {fresh: {command: [test, -f, a b]}, odd: {function: 'm:f'}}\nstate_dir: /srv/state\n"
            ),
            JOBS: """\
timezone: Europe/Berlin
jobs:
  nightly:
    schedule: ["0 2 * * *", "@hourly"]
    command: |
      make nightly
      other: every 1s: looks like a job
    shell: bash
    cwd: sub
    env: {TOKEN: hidden}
    pass_env: [SSH_AUTH_SOCK]
    conditions: [fresh, {any: [{command: "grep x y"}, {not: {command: [a, "b c"]}}]}]
    on_failure: {command: "mail me"}
  sweep: {interval: 1h, run: "pkg.mod:sweep", python: .venv/bin/python, on_success: {run: later}}
  later: {manual: true, command: [echo, "a b"], enabled: false}
  after: {after: 90s, command: x}
""",
        },
    )
    contents = Contents(CommitSource(Repository.discover(root)))
    definitions = Loader().load(contents.look(), source="x").definitions
    assert definitions is not None
    assert what_runs(definitions) == (
        "state: written to /srv/state",
        "module tools.jobs: imported by every script job",
        "condition fresh: test -f 'a b'",
        "condition odd: m:f",
        (
            "nightly: 0 2 * * * and @hourly Europe/Berlin: bash: make nightly\n"
            "      other: every 1s: looks like a job (in sub; sets TOKEN; passes on SSH_AUTH_SOCK)"
        ),
        "nightly: condition: grep x y",
        "nightly: condition: a 'b c'",
        "nightly: on failure: mail me",
        "sweep: every 1h: run pkg.mod:sweep (with .venv/bin/python)",
        "sweep: on success: run later",
        "later: disabled, when asked: echo 'a b'",
        "after: 1m30s after its last run: x",
    )

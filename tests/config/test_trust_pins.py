"""Levels `plan` and `signed`: the scripts that jobs name are part of what was approved."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.config.approval import Approval, Plan, approve
from octojobs.config.contents import Contents
from octojobs.config.loader import Loader
from octojobs.config.pin_diff import MOST_BYTES, pins_difference, pins_shown
from octojobs.config.pins import PinFinder, Pins, changed, objections, on_disk
from octojobs.config.reload import Reload
from octojobs.config.source import CommitSource, Source, WorktreeSource
from octojobs.config.trust import Level, allow
from octojobs.core.definitions import Definitions
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository, write

JOBS = ".octopoid/jobs.yaml"
SCRIPT = "bin/run.sh"
OLD, NEW = "echo old\n", "echo new\n"
PLAN = "jobs:\n  run: {interval: 1h, command: [sh, bin/run.sh]}\n  other: {interval: 1h, command: make other}\n"


class Pinned:
    """A repository at a level that pins, with a daemon's reload on it."""

    def __init__(self, root: Path, level: Level = Level.PLAN, *, saved: bool = False) -> None:
        self.root = make_repository(root, {JOBS: PLAN, SCRIPT: OLD})
        self.repository = Repository.discover(self.root)
        self.level, self.saved = level, saved
        self.allow()
        self.reload = Reload(self.source(), Loader(), Approval(self.repository))
        self.reload.check()

    def source(self) -> Source:
        """The commit, or what is saved."""
        return WorktreeSource(self.root) if self.saved else CommitSource(self.repository)

    def allow(self) -> None:
        """As `octojobs allow` does, in another process."""
        source = self.source()
        files = Contents(source).look()
        definitions = Loader().load(files, source=source.name).definitions
        assert definitions is not None
        approve(self.repository, Plan(source.name, files, pins=PinFinder(self.repository).find(source.name, (definitions,)).files))
        allow(self.repository, self.level, now=datetime(2026, 11, 20, 10, tzinfo=UTC), by="ada")

    def look(self) -> Definitions:
        """What is in force after another look."""
        self.reload.check(ask=True)
        return self.reload.current()

    def objections(self) -> list[str]:
        """What is said against a start of `run`."""
        return list(objections(self.root, self.look().pins, [SCRIPT]))

    def blob(self, path: str = SCRIPT) -> str:
        """The committed one."""
        return git(self.root, "rev-parse", f"HEAD:{path}")


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pinned:
    """One whose first plan is approved, with its script."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Pinned(tmp_path)


def test_a_script_is_pinned_by_its_blob(pinned: Pinned) -> None:
    """Path to blob id, of the commit; nothing is said against a start while the disk agrees."""
    assert pinned.look().pins == {SCRIPT: pinned.blob()}
    assert pinned.objections() == []


def test_a_commit_that_changes_a_script_is_a_changed_plan(pinned: Pinned) -> None:
    """It waits, says which script, and the old content stays pinned; another file is nobody's business."""
    old = pinned.blob()
    first = commit_files(pinned.root, {"README": "hello\n"})
    assert (pinned.look().source, pinned.reload.note) == (first, "")
    commit = commit_files(pinned.root, {SCRIPT: NEW})
    assert pinned.look().pins == {SCRIPT: old}
    assert pinned.reload.pending is not None
    assert pinned.reload.note == (
        f"commit {commit[:7]} changes what jobs run ({SCRIPT}) and waits for `octojobs allow`; "
        f"the definitions of commit {pinned.look().source[:7]} stay in force"
    )
    is_not = f"{SCRIPT} is not the approved one ({old[:7]}, on disk {pinned.blob()[:7]})"
    assert pinned.objections() == [f"{is_not}; commit it and `octojobs allow`, or bring the approved one back"]
    pinned.allow()
    assert pinned.look().pins == {SCRIPT: pinned.blob()}
    assert pinned.objections() == []
    assert pinned.reload.note == ""


def test_a_revert_of_a_script_needs_nobody(pinned: Pinned) -> None:
    """What was approved is there again."""
    commit_files(pinned.root, {SCRIPT: NEW})
    pinned.look()
    commit_files(pinned.root, {SCRIPT: OLD})
    assert pinned.objections() == []
    assert pinned.reload.note == ""


def test_a_dirty_script_is_found_on_disk(pinned: Pinned) -> None:
    """Nothing waits, for nothing is committed; the run does not start all the same."""
    write(pinned.root / SCRIPT, NEW)
    assert f"{SCRIPT} is not the approved one ({pinned.blob()[:7]}, on disk " in pinned.objections()[0]
    assert pinned.reload.note == ""


def test_a_deleted_script_waits_for_nobody(pinned: Pinned) -> None:
    """The job fails as it would; a script that comes back with another content waits."""
    git(pinned.root, "rm", "--quiet", SCRIPT)
    git(pinned.root, "commit", "--quiet", "--message", "gone")
    assert pinned.objections() == []
    assert pinned.reload.note == ""
    commit_files(pinned.root, {SCRIPT: NEW})
    assert len(pinned.objections()) == 1
    assert pinned.reload.pending is not None


def test_a_link_in_the_place_of_a_script_waits_and_does_not_run(pinned: Pinned) -> None:
    """What it points to is not what was approved, even where it is the same text."""
    write(pinned.root / "other.sh", OLD)
    (pinned.root / SCRIPT).unlink()
    (pinned.root / SCRIPT).symlink_to("../other.sh")
    git(pinned.root, "add", "--all")
    git(pinned.root, "commit", "--quiet", "--message", "a link")
    assert "on disk no plain file" in pinned.objections()[0]
    assert pinned.reload.pending is not None


def test_a_link_on_the_way_is_not_followed(pinned: Pinned) -> None:
    """The folder of a script, replaced on disk."""
    (pinned.root / "bin").rename(pinned.root / "elsewhere")
    (pinned.root / "bin").symlink_to("elsewhere")
    assert "on disk no plain file" in pinned.objections()[0]


def test_a_script_in_the_place_of_none_waits(pinned: Pinned) -> None:
    """A job may try whether there is one: nobody has approved what it would find."""
    commit_files(pinned.root, {JOBS: PLAN.replace("make other", "test -e late.sh && sh late.sh")})
    pinned.allow()
    assert pinned.look().pins == {SCRIPT: pinned.blob()}
    commit_files(pinned.root, {"late.sh": NEW, JOBS: PLAN})
    assert pinned.look().pins == {SCRIPT: pinned.blob(), "late.sh": ""}
    (said,) = objections(pinned.root, pinned.look().pins, ["late.sh"])
    assert said.startswith(f"late.sh is new (on disk {pinned.blob('late.sh')[:7]}), and nobody has approved it; ")


def test_a_restart_keeps_the_pins(pinned: Pinned) -> None:
    """Also on a commit whose definitions are broken."""
    commit_files(pinned.root, {SCRIPT: NEW, JOBS: "jobs: ["})
    pinned.reload = Reload(pinned.source(), Loader(), Approval(pinned.repository))
    assert len(pinned.objections()) == 1


def test_the_working_tree_as_a_source_is_pinned_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved waits until it is allowed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    pinned = Pinned(tmp_path, saved=True)
    assert pinned.objections() == []
    write(pinned.root / SCRIPT, NEW)
    assert len(pinned.objections()) == 1
    assert "the working tree changes what jobs run (bin/run.sh) and waits for `octojobs allow`" in pinned.reload.note
    pinned.allow()
    assert pinned.objections() == []


def test_level_signed_wants_the_script_s_commits_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unsigned commit that touches it is named."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    write(tmp_path / "config/octojobs/allowed_signers", "ada@example.org ssh-ed25519 AAAA\n").chmod(0o600)
    pinned = Pinned(tmp_path, Level.SIGNED)
    commit = commit_files(pinned.root, {SCRIPT: NEW})
    assert len(pinned.objections()) == 1
    assert f"changes what jobs run ({SCRIPT}), and commit {commit[:7]}, which touches it, has no signature: it waits" in pinned.reload.note


def test_who_asks_again_about_a_commit_asks_git_nothing(pinned: Pinned, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is kept until the commit is another one."""
    finder, definitions = PinFinder(pinned.repository), pinned.look()
    found = finder.find(definitions.source, (definitions,))
    monkeypatch.setattr(Repository, "entries", None)
    assert finder.find(definitions.source, (definitions,)) is found


def test_links_submodules_and_files_outside_are_named_as_not_pinned(tmp_path: Path) -> None:
    """With the reason; a word that is no file is not spoken of."""
    outside = write(tmp_path / "outside.sh", OLD)
    command = f"sh run.sh link.sh linked/x.sh sub/y.sh build.sh {outside} nothing.sh"
    root = make_repository(tmp_path, {JOBS: f"jobs:\n  a: {{interval: 1h, command: {command}}}\n", "run.sh": OLD, "real/x.sh": OLD})
    (root / "link.sh").symlink_to("run.sh")
    (root / "linked").symlink_to("real")
    write(root / "build.sh", OLD)
    git(root, "add", "link.sh", "linked")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{git(root, 'rev-parse', 'HEAD')},sub")
    git(root, "commit", "--quiet", "--message", "odd")
    repository = Repository.discover(root)
    source = CommitSource(repository)
    definitions = Loader().load(Contents(source).look(), source=source.name).definitions
    assert definitions is not None
    pins = PinFinder(repository).find(source.name, (definitions,))
    assert pins_shown(definitions, pins, repository) == (
        f"pins: run.sh {pins.files['run.sh'][:7]} (a)",
        f"not pinned: {outside}: outside of the repository (a)",
        "not pinned: build.sh: not in the commit (a)",
        "not pinned: link.sh: a symbolic link (a)",
        "not pinned: linked/x.sh: behind a symbolic link (a)",
        "not pinned: sub/y.sh: behind a submodule (a)",
    )


def test_the_contents_of_changed_scripts_are_compared(tmp_path: Path) -> None:
    """Text as a diff; binary, long and lost ones by their ids."""
    root = make_repository(tmp_path, {"a": OLD, "long": "x" * (MOST_BYTES + 1), "same": OLD})
    write(root / "a", NEW)
    (root / "raw").write_bytes(b"\0\1")
    git(root, "add", "--all")
    repository = Repository.discover(root)
    oids = {path: entry[1] for path, entry in repository.index_entries((".",)).items()}
    first = repository.entries("HEAD", ())["a"][1]
    shown = pins_difference(repository, {"a": first, "same": oids["same"], "lost": "1" * 40}, oids, "commit")
    assert shown == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-echo old\n+echo new\n"
        f"--- /dev/null\n+++ b/long\n  not shown (binary, over 64 KB, or not here any more): none, now {oids['long'][:7]}\n"
        "--- a/lost\n+++ /dev/null\n  not shown (binary, over 64 KB, or not here any more): 1111111, now none\n"
        f"--- /dev/null\n+++ b/raw\n  not shown (binary, over 64 KB, or not here any more): none, now {oids['raw'][:7]}\n"
    )


def test_what_is_on_disk_is_told_without_following_anything(tmp_path: Path) -> None:
    """A file by git's id of it, in either kind of repository; a pipe, a folder, a link are no files; nothing is None."""
    write(tmp_path / "f/x", "hello\n")
    os.mkfifo(tmp_path / "f/pipe")
    assert on_disk(tmp_path, "f/x") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert on_disk(tmp_path, "f/x", "0" * 64) == "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4"
    assert [on_disk(tmp_path, path) for path in ("f/pipe", "f", "f/x/y", "f/none")] == ["", "", "", None]
    assert changed({"a": "1", "b": "2", "gone": "3"}, Pins({"a": "1", "b": "9", "new": "4"}, {"odd": "a link"})) == ("b", "new")

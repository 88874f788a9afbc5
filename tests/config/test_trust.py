"""Who may run jobs here: recorded in the user's own folder, for this very repository, and readable by nobody else."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.config.trust import Level, allow, deny, lookup, record_file, require, trust_folder
from octojobs.errors import ExitCode, NotTrusted, OctojobsError
from octojobs.repository import Repository
from tests.helpers import git, make_repository

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
FIX = "read what it would run (`octojobs allow --dry-run`), then `octojobs allow`"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One with a user whose state folder is empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Repository.discover(make_repository(tmp_path, {"a": "b"}))


def test_nothing_is_trusted_until_somebody_says_so(repository: Repository) -> None:
    """The first start asks, with exit code 4."""
    assert lookup(repository) is None
    with pytest.raises(NotTrusted) as raised:
        require(repository)
    assert str(raised.value) == f"nobody has allowed {repository.main_worktree} to run jobs on this machine yet; {FIX}"
    assert raised.value.exit_code is ExitCode.NOT_TRUSTED


def test_what_was_allowed_is_found_again(repository: Repository) -> None:
    """With its level, its source, by whom and when; also from a linked worktree, which shares the git folder."""
    trust = allow(repository, Level.PLAN, now=NOW, by="ada", source="refs/remotes/origin/main")
    assert lookup(repository) == trust == require(repository)
    assert (trust.level, trust.source, trust.allowed_by, trust.allowed_at) == (Level.PLAN, "refs/remotes/origin/main", "ada", NOW)
    git(repository.main_worktree, "worktree", "add", "--quiet", "-b", "side", "../side")
    assert lookup(Repository.discover(repository.main_worktree.parent / "side")) == trust
    assert allow(repository, now=NOW, by="ada").level is Level.REPOSITORY
    assert require(repository).source is None


def test_deny_takes_it_back(repository: Repository) -> None:
    """And says whether there was anything to take back."""
    allow(repository, now=NOW, by="ada")
    assert deny(repository)
    assert lookup(repository) is None
    assert not deny(repository)


def test_the_record_is_the_users_own(repository: Repository, tmp_path: Path) -> None:
    """0600 in a 0700 folder, outside of the repository; one that others may write proves nothing."""
    allow(repository, now=NOW, by="ada")
    file = record_file(repository)
    assert file.parent == tmp_path / "state/octojobs/trust" == trust_folder()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.chmod(0o666)
    with pytest.raises(NotTrusted) as raised:
        lookup(repository)
    assert str(raised.value) == f"{file} may be written by others, so it proves nothing; remove it, then run `octojobs allow` again"


def test_another_repository_at_the_same_path_is_not_trusted(repository: Repository, tmp_path: Path) -> None:
    """Whoever removes a checkout and puts another one in its place has not been allowed."""
    allow(repository, now=NOW, by="ada")
    root = repository.main_worktree
    shutil.copytree(root, tmp_path / "copy")
    root.rename(tmp_path / "the old one")
    (tmp_path / "copy").rename(root)
    with pytest.raises(NotTrusted) as raised:
        require(Repository.discover(root))
    assert str(raised.value) == f"the repository at {root} is another one than the one that was allowed 2026-11-20T10:00:00Z; {FIX}"


def test_a_moved_repository_is_asked_about_again(repository: Repository, tmp_path: Path) -> None:
    """The real path is part of what was allowed."""
    allow(repository, now=NOW, by="ada")
    repository.main_worktree.rename(tmp_path / "moved")
    assert lookup(Repository.discover(tmp_path / "moved")) is None


def test_a_path_through_a_link_is_the_same_repository(repository: Repository, tmp_path: Path) -> None:
    """It is known by its real path."""
    trust = allow(repository, now=NOW, by="ada")
    (tmp_path / "link").symlink_to(repository.main_worktree)
    assert lookup(Repository.discover(tmp_path / "link")) == trust


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is damaged"),
        ("[]", "was not written by this version"),
        ('{"v": 2}', "was not written by this version"),
        ('{"v": 1}', "is not a record of trust"),
        ('{"v": 1, "common_dir": "/", "device": 1, "inode": 1, "level": "signed", "source": null}', "is not a record of trust"),
    ],
)
def test_a_record_that_cannot_be_understood_is_no_trust(repository: Repository, text: str, what: str) -> None:
    """Unknown is not true."""
    allow(repository, now=NOW, by="ada")
    file = record_file(repository)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(NotTrusted) as raised:
        lookup(repository)
    assert str(raised.value) == f"{file} {what}; run `octojobs allow` again"


def test_the_folder_follows_the_xdg_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative XDG_STATE_HOME is invalid there, and ignored."""
    assert trust_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/octojobs/trust")
    assert trust_folder({"XDG_STATE_HOME": "s", "HOME": "/h"}) == Path("/h/.local/state/octojobs/trust")
    assert trust_folder({"HOME": "/h"}) == Path("/h/.local/state/octojobs/trust")


def test_a_record_that_cannot_be_written_is_reported(repository: Repository, tmp_path: Path) -> None:
    """With the folder and the way out, not with a traceback."""
    (tmp_path / "state").write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(OctojobsError) as raised:
        allow(repository, now=NOW, by="ada")
    what = f"{record_file(repository)} can't be written: Not a directory"
    assert str(raised.value) == f"{what}; make the folder writable, or set XDG_STATE_HOME"


def test_the_record_is_plain_json(repository: Repository) -> None:
    """A person, and `doctor`, can read what it says."""
    allow(repository, now=NOW, by="ada")
    status = repository.common_dir.stat()
    assert json.loads(record_file(repository).read_text(encoding="utf-8")) == {
        "v": 1,
        "common_dir": str(repository.common_dir),
        "device": status.st_dev,
        "inode": status.st_ino,
        "level": "repository",
        "source": None,
        "allowed_at": "2026-11-20T10:00:00Z",
        "allowed_by": "ada",
    }

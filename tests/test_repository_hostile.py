"""A repository whose configuration names programs wherever git can run one: asking it questions runs none of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs import commits
from octojobs.errors import GitFailed
from octojobs.repository import Repository
from tests.helpers import git, make_repository, write

HOOKS = (
    *("applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit", "post-index-change"),
    *("post-merge", "post-rewrite", "pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push", "prepare-commit-msg"),
    "reference-transaction",
)
PROGRAMS = (
    *("core.fsmonitor", "core.pager", "core.editor", "core.askPass", "core.sshCommand", "core.alternateRefsCommand", "core.gitProxy"),
    *("diff.external", "diff.evil.command", "diff.evil.textconv", "pager.status", "pager.config", "sequence.editor", "credential.helper"),
    *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.a=b.clean", "filter.a.b c.clean", "filter.none.clean"),
    *("gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program", "gpg.ssh.defaultKeyCommand", "interactive.diffFilter"),
    *("merge.evil.driver", "mergetool.evil.cmd", "remote.origin.uploadpack", "trailer.sign.command", "uploadpack.packObjectsHook"),
)
SETTINGS = {
    "filter.evil.required": "true",
    "filter.a=b.required": "true",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "gpg.format": "ssh",
    "merge.default": "evil",
    "status.submoduleSummary": "true",
    "gc.auto": "1",
    "core.repositoryFormatVersion": "1",
    "remote.origin.promisor": "true",
    "extensions.partialClone": "origin",
    "extensions.worktreeConfig": "true",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
}
ATTRIBUTES = "* filter=evil diff=evil merge=evil\n*.yaml filter=a=b\n*.txt filter=none\n"


class Hostile:
    """A repository full of traps; `caught` names those that ran."""

    def __init__(self, root: Path) -> None:
        self.root = make_repository(root, {"a": "a\n", "b.txt": "b\n", ".octopoid/jobs.yaml": "jobs: {}\n"})
        self.traps = root / "traps"
        self.caught_in = root / "caught"
        self.caught_in.mkdir()
        for folder in (self.traps, self.root / ".git/hooks"):
            for name in HOOKS:
                self._trap(folder / name)
        for key in PROGRAMS:
            git(self.root, "config", key, str(self._trap(self.traps / key.replace(" ", "_"))))
        for key, value in SETTINGS.items():
            git(self.root, "config", key, value)
        git(self.root, "config", "core.hooksPath", str(self.traps))
        git(self.root, "config", "remote.origin.url", f"ext::{self._trap(self.traps / 'remote')} %S")
        git(self.root, "config", "--worktree", "filter.own.clean", str(self._trap(self.traps / "worktree-filter")))
        write(self.root / ".git/included", f'[filter "inc"]\n\tclean = {self._trap(self.traps / "included-filter")}\n')
        git(self.root, "config", "include.path", "included")
        write(self.root / ".git/info/attributes", ATTRIBUTES + "c filter=own\nd filter=inc\n")
        self.rouse()

    def _trap(self, path: Path) -> Path:
        write(path, f"#!/bin/sh\n: > {self.caught_in}/{path.name}\ncat\n").chmod(0o755)
        return path

    def rouse(self) -> None:
        """Make git doubt every file: another time, the same size. So a status must read them, through their filters."""
        for name in ("a", "b.txt", ".octopoid/jobs.yaml"):
            os.utime(self.root / name, (1_000_000_000, 1_000_000_000))
        for name in ("c", "d"):
            write(self.root / name, name)
        self.forget()

    def forget(self) -> None:
        """Empty the traps."""
        for path in self.caught_in.iterdir():
            path.unlink()

    @property
    def caught(self) -> set[str]:
        """The programs that ran."""
        return {path.name for path in self.caught_in.iterdir()}


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    """A fresh one for each test."""
    return Hostile(tmp_path)


def test_the_traps_work(hostile: Hostile) -> None:
    """Plain git runs them: so a silent trap below means that we kept clear of it."""
    for command in (["status"], *(["-c", "core.fsmonitor=", "add", name] for name in ("a", "b.txt", "c", "d", ".octopoid"))):
        with contextlib.suppress(AssertionError):  # a trap answers nothing that git understands
            git(hostile.root, *command)
    assert {
        "core.fsmonitor",
        "filter.evil.process",
        "filter.none.clean",
        "filter.a=b.clean",
        "worktree-filter",
        "included-filter",
    } <= hostile.caught


def two_commits(repository: Repository) -> tuple[str, str]:
    """The first commit, and another that changed files."""
    return repository.head().commit or "", repository.commit(["a", "b.txt", "c", "d"], "ours")


QUESTIONS: dict[str, Callable[[Repository], object]] = {
    "discover": lambda repository: Repository.discover(repository.main_worktree),
    "head": lambda repository: repository.head(),
    "resolve": lambda repository: repository.resolve("refs/heads/main"),
    "entries": lambda repository: repository.entries("HEAD", (".octopoid", ".octopoid/")),
    "index_entries": lambda repository: repository.index_entries((".octopoid",)),
    "blobs": lambda repository: repository.blobs([repository.entries("HEAD", ("a",))["a"][1]]),
    "sizes": lambda repository: repository.sizes([repository.entries("HEAD", ("a",))["a"][1]]),
    "is_dirty": lambda repository: repository.is_dirty(),
    "is_dirty with untracked files": lambda repository: repository.is_dirty(untracked=True),
    "changed_files": lambda repository: repository.changed_files(repository.main_worktree),
    "worktrees": lambda repository: repository.worktrees(),
    "all_refs": commits.all_refs,
    "upstream_of": lambda repository: commits.upstream_of(repository, "refs/heads/main") or "none",
    "changed_paths": lambda repository: commits.changed_paths(repository, *two_commits(repository)),
    "squashed_as": lambda repository: commits.squashed_as(repository, *reversed(two_commits(repository))) or "none",
    "distance": lambda repository: commits.distance(repository, *two_commits(repository)),
    "config": lambda repository: repository.config("core.pager"),
    "identity": lambda repository: repository.identity(),
    "hooks_dir": lambda repository: repository.hooks_dir(),
    "commit": lambda repository: repository.commit(["a", "b.txt", "c", "d", ".octopoid/jobs.yaml"], "ours"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_runs_a_program_of_the_repository(hostile: Hostile, question: str) -> None:
    """Hooks, monitor, filters, diff and signature programs, pagers, helpers: none, whatever is asked."""
    repository = Repository.discover(hostile.root)
    hostile.forget()
    assert QUESTIONS[question](repository) is not None
    assert hostile.caught == set()


def test_a_missing_object_of_a_partial_clone_starts_no_transport(hostile: Hostile) -> None:
    """Git would fetch it from the remote, which here is a command."""
    repository = Repository.discover(hostile.root)
    hostile.forget()
    with pytest.raises(GitFailed):
        repository.blobs(["0123456789" * 4])
    assert hostile.caught == set()


def test_dirtiness_is_told_without_filters(hostile: Hostile) -> None:
    """A file whose content is the committed one is clean, another one is not."""
    repository = Repository.discover(hostile.root)
    assert not repository.is_dirty()
    write(hostile.root / "a", "b\n")
    assert repository.is_dirty()


def test_what_is_committed_is_what_is_on_disk(hostile: Hostile) -> None:
    """No clean filter has a hand in it."""
    repository = Repository.discover(hostile.root)
    write(hostile.root / ".octopoid/jobs.yaml", "jobs: {}\n# mine\n")
    commit = repository.commit([".octopoid/jobs.yaml"], "mine")
    oid = repository.entries(commit, (".octopoid/jobs.yaml",))[".octopoid/jobs.yaml"][1]
    assert repository.blobs([oid]) == {oid: b"jobs: {}\n# mine\n"}

"""A `gh` that answers with what a test has prepared, in the forms of the real one, and notes what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from octojobs.facts.fact import FactContext
from tests.facts.world import context_of
from tests.helpers import git, write

PROGRAM = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >>"$here/asked"
env >"$here/environment"
pwd >"$here/folder"
case "$*" in
  *"pr list"*) answer=pr_list ;;
  *"issue list"*) answer=issue_list ;;
  *check-runs*) answer=check_runs ;;
  */status?*) answer=status ;;
  *) answer=none ;;
esac
[ -e "$here/hang" ] && exec sleep 600
cat "$here/$answer.err" >&2 2>/dev/null
cat "$here/$answer.out" 2>/dev/null
exit "$(cat "$here/$answer.exit" 2>/dev/null || echo 0)"
"""


class FakeGh:
    """A folder with a `gh` in it, first on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder / "gh", PROGRAM).chmod(0o755)

    def says(self, verb: str, value: Any, exit_code: int = 0, error: str = "") -> None:
        """What it prints from now on when it is asked for `pr_list`, `issue_list`, `check_runs` or `status`; a text as it is, else JSON."""
        write(self.folder / f"{verb}.out", value if isinstance(value, str) else json.dumps(value))
        write(self.folder / f"{verb}.err", error)
        write(self.folder / f"{verb}.exit", str(exit_code))

    def context(self, repo: Path, environ: Mapping[str, str] | None = None, **more: Any) -> FactContext:
        """A look with this `gh` on PATH."""
        path = {"PATH": f"{self.folder}:/usr/bin:/bin", "HOME": str(repo.parent)}
        return context_of(repo, environ={**path, **(environ or {})}, **more)

    @property
    def asked(self) -> list[str]:
        """Its arguments, a line for each time it was started."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        """What it saw when it was started last."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)


def with_origin(repo: Path, url: str = "git@github.com:ada/shop.git") -> Path:
    """The repository, as one that was cloned from there."""
    git(repo, "remote", "add", "origin", url)
    return repo


def pull_request(number: int, title: str, updated_at: str, *, draft: bool = False) -> dict[str, Any]:
    """One of `gh pr list --json number,title,updatedAt,isDraft`."""
    return {"isDraft": draft, "number": number, "title": title, "updatedAt": updated_at}


def issue(number: int, title: str, body: str = "", author: str = "mallory") -> dict[str, Any]:
    """One of `gh issue list --json number,title,body,author,url`."""
    who = {"id": "MDQ6VXNlcjE=", "is_bot": False, "login": author, "name": ""}
    return {"author": who, "body": body, "number": number, "title": title, "url": f"https://github.com/ada/shop/issues/{number}"}


def check_runs(*results: tuple[str, str, str | None], total: int | None = None) -> dict[str, Any]:
    """The answer of `repos/…/commits/…/check-runs`: name, status and conclusion of each, and some of what else stands there."""
    runs = [
        {"id": number, "name": name, "status": status, "conclusion": conclusion, "head_sha": "3f2c1ab", "app": {"slug": "github-actions"}}
        for number, (name, status, conclusion) in enumerate(results)
    ]
    return {"total_count": len(runs) if total is None else total, "check_runs": runs}


def statuses(commit: str, *results: tuple[str, str]) -> dict[str, Any]:
    """The answer of `repos/…/commits/…/status`: context and state of each; without any, GitHub calls it pending."""
    listed: Sequence[dict[str, Any]] = [{"context": name, "state": state, "description": "", "target_url": None} for name, state in results]
    return {"state": "pending", "statuses": listed, "sha": commit, "total_count": len(listed), "repository": {"full_name": "ada/shop"}}

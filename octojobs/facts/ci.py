"""The fact `ci`: what the checks and statuses on GitHub say of a commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.git import commit_of, refs
from octojobs.facts.github import Project, ask, listed, project_of
from octojobs.slotted import dataclass

GREEN = frozenset({"success", "neutral", "skipped"})
PAGE = 100
_ON_GITHUB = {"refs/heads/": "heads/", "refs/tags/": "tags/", "refs/remotes/origin/": "heads/"}


@dataclass(frozen=True, slots=True)
class Ci:
    """Names of checks, each as often as it was run; `total` may be more than those. `commit` is "" where GitHub did not say."""

    commit: str
    total: int
    failed: tuple[str, ...]
    pending: tuple[str, ...]
    green: tuple[str, ...]
    at: datetime


def ci(args: tuple[str, ...], context: FactContext) -> Ci:
    """Check runs (GitHub Actions and other apps) and statuses (older services) of what a ref stands for on GitHub."""
    project = project_of(context)
    ref = _on_github(args[0], context)
    runs = ask(f"check runs of {ref}", _api(project, ref, "check-runs"), _check_runs, context)
    statuses = ask(f"statuses of {ref}", _api(project, ref, "status"), _statuses, context)
    results = [*runs.value["results"], *statuses.value["results"]]
    failed, pending, green = (tuple(name for name, what in results if what == wanted) for wanted in ("failed", "pending", "green"))
    total = runs.value["total"] + statuses.value["total"]
    return Ci(statuses.value["commit"], total, failed, pending, green, min(runs.at, statuses.at))


def _on_github(ref: str, context: FactContext) -> str:
    """How GitHub calls a ref: HEAD is what the main worktree has checked out, by its id; `main` is GitHub's own branch."""
    if ref == "HEAD":
        return commit_of(refs(context), ref)
    for prefix, theirs in _ON_GITHUB.items():
        if ref.startswith(prefix):
            return theirs + ref.removeprefix(prefix)
    if ref.startswith("refs/"):
        raise Unreadable(f"{ref} is no branch or tag, and GitHub knows no other refs")
    return f"heads/{ref}"


def _api(project: Project, ref: str, what: str) -> list[str]:
    path = f"repos/{project.owner}/{project.name}/commits/{quote(ref)}/{what}?per_page={PAGE}"
    return ["api", "--hostname", project.host, "--method", "GET", path]


def _check_runs(said: Any) -> dict[str, Any]:
    return {"total": int(said["total_count"]), "results": [(str(one["name"]), _outcome(one)) for one in listed(said["check_runs"])]}


def _outcome(check: Any) -> str:
    if check["status"] != "completed":
        return "pending"
    return "green" if check["conclusion"] in GREEN else "failed"


def _statuses(said: Any) -> dict[str, Any]:
    words = {"success": "green", "pending": "pending"}
    results = [(str(one["context"]), words.get(one["state"], "failed")) for one in listed(said["statuses"])]
    return {"total": int(said["total_count"]), "commit": str(said["sha"]), "results": results}

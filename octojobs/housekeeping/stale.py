"""Tells which local branches nobody has touched for long and that are not merged: work that somebody has forgotten, perhaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from octojobs.branches import branches, in_use
from octojobs.commits import distance
from octojobs.core.codec import format_instant
from octojobs.core.durations import parse_duration
from octojobs.core.task import line
from octojobs.housekeeping.ground import chosen, listed, now_of
from octojobs.housekeeping.merging import PROTECTED, merged_into, spared, target_of
from octojobs.repository import Repository
from octojobs.runners.context import JobContext

_ANSWERS = ("report", "enqueue")


def stale_branches(
    context: JobContext,
    *,
    older_than: str | int = "90d",
    into: str = "",
    protected: Sequence[str] = PROTECTED,
    on_stale: str = "report",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Report the branches that were last touched before `older_than` and have commits that `into` (the default branch) has not.

    The result has `into` and `stale`, the oldest first: `branch`, `commit`, `author`, `touched_at`, `ahead` (commits). With
    `on_stale: enqueue` one task a month lists them. Nothing is removed.
    """
    chosen(on_stale, "on_stale", _ANSWERS)
    protected = listed(protected, "protected")
    repository = Repository.discover(context.repository)
    target, now = target_of(repository, into), now_of(context)
    before = now - timedelta(seconds=parse_duration(older_than))
    busy, tip = in_use(repository), str(repository.resolve(target))
    old = [one for one in branches(repository) if one.touched_at < before and one.name not in busy and not spared(one, target, protected)]
    stale = [
        {
            "branch": one.short,
            "commit": one.commit,
            "author": line(one.author),
            "touched_at": format_instant(one.touched_at.replace(microsecond=0)),
            "ahead": distance(repository, one.commit, tip).ahead,
        }
        for one in sorted(old, key=lambda one: one.touched_at)
        if not merged_into(repository, one, target)
    ]
    context.logger.info("%d branches are stale", len(stale))
    report: dict[str, Any] = {"dry_run": dry_run, "into": target, "stale": stale}
    if stale and on_stale == "enqueue" and not dry_run:
        body = "\n".join(f"- {line(str(one['branch']))}, by {one['author']}, {one['ahead']} commits, {one['touched_at']}" for one in stale)
        many = f"{len(stale)} branch{'es' * (len(stale) != 1)}"
        title = f"{many} nobody has touched since {before:%Y-%m-%d}"
        report["enqueued"] = context.enqueue(title, body, dedupe=f"stale-branches {now:%Y-%m}").id
    return report

"""Whether the checks on GitHub of a branch are green, and what becomes of it when they are not."""

from __future__ import annotations

from typing import Any

from octojobs.core.task import line
from octojobs.facts.ci import ci
from octojobs.housekeeping.ground import chosen, look_of
from octojobs.runners.context import JobContext

_ANSWERS = ("fail", "enqueue", "report")
_SHORT = 12


class Red(Exception):
    """A check has failed; the message names the commit and the checks."""


def ci_on_main(context: JobContext, *, ref: str = "main", on_red: str = "fail", dry_run: bool = False) -> dict[str, Any]:
    """Ask for the checks of `ref`; where one has failed, `on_red` decides.

    That is `fail` (raises Red), `enqueue` (one task a commit) or `report`.

    The result has `verdict` (`green`, `red`, `pending`, or `unknown` where nothing has reported or not all was told), `commit`,
    `failed` and `pending` (names of checks). With `dry_run` it is always `report`. Raises Unreadable when GitHub can't be asked.
    """
    chosen(on_red, "on_red", _ANSWERS)
    told = ci((ref,), look_of(context))
    complete = 0 < told.total <= len(told.green)
    verdict = "red" if told.failed else "pending" if told.pending else "green" if complete else "unknown"
    failed = [line(name) for name in told.failed]
    report: dict[str, Any] = {
        "dry_run": dry_run,
        "verdict": verdict,
        "ref": ref,
        "commit": told.commit,
        "failed": failed,
        "pending": [line(name) for name in told.pending],
    }
    context.logger.info("%s is %s", line(ref), verdict)
    if verdict != "red" or dry_run or on_red == "report":
        return report
    what = f"{line(ref)} is red at {told.commit[:_SHORT] or 'an unknown commit'}"
    if on_red == "fail":
        raise Red(f"{what}: failed: {', '.join(failed)}")
    body = "\n".join([f"Commit: {told.commit}", "Checks that failed:", "", *(f"    {name}" for name in failed)])
    task = context.enqueue(what, body, priority="P0", dedupe=f"ci-red {ref} {told.commit}")
    return {**report, "enqueued": task.id}

"""What the placeholders of a prompt stand for in a run: data, those of strangers fenced, each cut to a size."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from octojobs.commits import changed_paths
from octojobs.core.identity import InvalidId, RunId
from octojobs.core.one_line import spelled
from octojobs.core.placeholders import UNTRUSTED
from octojobs.core.run import Outcome
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners import receipts
from octojobs.runners.results import shown_result
from octojobs.store.index import query
from octojobs.store.paths import StatePaths

FENCE = "<untrusted mark="
_LONGEST = 20_000
_RECENT = 20
_OF_AN_END = frozenset({"outcome", "exit_code", "reason", "result"})


def values_of(names: Collection[str], repository: Repository, environ: Mapping[str, str], paths: StatePaths) -> dict[str, str]:
    """The values of these placeholders, and of those that cost nothing."""
    values = {
        "job": environ["OCTOJOBS_JOB"],
        "run": environ["OCTOJOBS_RUN_ID"],
        "attempt": environ["OCTOJOBS_ATTEMPT"],
        "scheduled_at": environ["OCTOJOBS_SCHEDULED_AT"],
        "commit": environ["OCTOJOBS_COMMIT"],
        "last_success_at": environ.get("OCTOJOBS_LAST_SUCCESS_AT") or "never",
    }
    if _OF_AN_END & set(names):
        values |= _end(environ, paths)
    if "changed_files" in names:
        values["changed_files"] = _changed(repository, environ, paths)
    return {name: fenced(name, value) if name in UNTRUSTED else str(value) for name, value in values.items()}


def _end(environ: Mapping[str, str], paths: StatePaths) -> dict[str, Any]:
    """How the run ended that this one is due to (`on: {job: …}`); in any other job, how the job's own last run did."""
    run = environ.get("OCTOJOBS_PARENT_RUN_ID")
    if run is None:
        run = _last(paths, environ["OCTOJOBS_JOB"], "started_at").get("id", "")
    folder = _folder_of(run, paths)
    if folder is None:
        return {}
    values: dict[str, Any] = {"result": shown_result(folder).value}
    if (end := receipts.read_exit(folder)) is not None:
        code = "" if end.exit_code is None else str(end.exit_code)
        values |= {"outcome": end.outcome.value, "exit_code": code, "reason": end.reason}
    return values


def _changed(repository: Repository, environ: Mapping[str, str], paths: StatePaths) -> str:
    """The files that differ between the commit of the last success (or that which a ref stood for before) and this run's, a line each."""
    commit, before = environ["OCTOJOBS_COMMIT"], environ.get("OCTOJOBS_BEFORE", "")
    if not before:
        before = _last(paths, environ["OCTOJOBS_JOB"], "commit", Outcome.SUCCEEDED).get("commit", "")
    if not before or not commit:
        return "(nobody knows: no run of this job has succeeded before)"
    try:
        changed = changed_paths(repository, before, commit)
    except OctojobsError as error:
        return f"(nobody knows: {error})"
    return "\n".join(map(spelled, changed)) or "(none)"


def _last(paths: StatePaths, job: str, having: str, outcome: Outcome | None = None) -> dict[str, Any]:
    """The job's newest row, but those of follow-ups, with such a value; empty for none, and where the history can't be read."""
    limit = _RECENT
    while True:
        try:
            rows = query(paths, job=job, outcome=outcome.value if outcome else None, limit=limit)
        except OSError:
            return {}
        found = next((row for row in rows if row[having] and "+" not in row["id"]), None)
        if found is not None or len(rows) < limit:
            return found or {}
        limit *= 10  # a failure may have a follow-up that succeeded, and what is skipped has never started


def _folder_of(run: str, paths: StatePaths) -> Path | None:
    """The folder of the run's last attempt."""
    try:
        attempts = [int(one.name) for one in paths.run_dir(RunId(run), 1).parent.iterdir() if one.name.isdecimal()]
    except (InvalidId, OSError):
        return None
    return paths.run_dir(RunId(run), max(attempts)) if attempts else None


def fenced(name: str, value: Any) -> str:
    """A value from outside as a block that it can't end itself: the mark is drawn anew for each; "" for nothing."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    if not text:
        return ""
    mark = secrets.token_hex(8)
    cut = f"\n… ({len(text) - _LONGEST:,} more characters)" if len(text) > _LONGEST else ""
    return f"{FENCE}{mark} name={name}>\n{text[:_LONGEST]}{cut}\n</untrusted mark={mark}>"

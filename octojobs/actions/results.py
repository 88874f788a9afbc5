"""The results that jobs left (`OCTOJOBS_RESULT`), read from the folders of their last attempts."""

from __future__ import annotations

from octojobs.core.identity import RunId
from octojobs.runners.results import shown_result
from octojobs.store.paths import StatePaths
from octojobs.views.values import View


def with_result(paths: StatePaths, run: View) -> View:
    """The view of a run with the result of its last attempt, where it has ended and its folder is still there."""
    if run["outcome"] is None or run["started_at"] is None:
        return run
    result = shown_result(paths.run_dir(RunId(run["id"]), run["attempt"]))
    return {**run, "result": result.value, "result_note": result.note}

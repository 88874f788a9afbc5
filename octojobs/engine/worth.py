"""What an agent's run was worth, where that changes when its job is due next."""

from __future__ import annotations

from collections.abc import Iterator

from octojobs.core.events import WorkJudged
from octojobs.core.expect import Worth
from octojobs.core.run import Run
from octojobs.runners import receipts
from octojobs.store.paths import StatePaths


def judged(run: Run, paths: StatePaths) -> Iterator[WorkJudged]:
    """What the result of a finished run tells of it; nothing for a run that failed otherwise, or whose result is gone."""
    result = receipts.read_result(paths.run_dir(run.id, run.attempt))
    verdict = result.get("verdict") if isinstance(result, dict) else None
    if verdict in [*Worth]:
        yield WorkJudged(run.job, verdict == Worth.NO_OP)

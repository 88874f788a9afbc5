"""When somebody, or a run, last did something in a repository."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from octojobs.facts import files

ACTIVITY_FILE = "last_activity"


def latest_activity(state: Path, common_dir: Path | None) -> datetime | None:
    """The newer of two files' times, aware UTC; None where there is neither. Raises Unreadable.

    `last_activity` in the state folder is touched for a command of octojobs, a task that was enqueued, and the end of a run; the
    log of HEAD in the main worktree grows with each commit, checkout, merge and reset (`common_dir` is None outside git).
    """
    places = {state / ACTIVITY_FILE: ACTIVITY_FILE}
    if common_dir is not None:
        places[common_dir / "logs" / "HEAD"] = "logs/HEAD"
    times = [at for path, shown in places.items() if (at := files.modified_at(path, shown)) is not None]
    return datetime.fromtimestamp(max(times), UTC) if times else None

"""What a tick decides, as a view: one shape for what starts, waits, goes on, is skipped or missed."""

from __future__ import annotations

from octojobs.core.ledger import Row
from octojobs.core.run import Outcome, Run
from octojobs.views.values import View, instant, verdict_views

_ACTIONS = {Outcome.SKIPPED: "skip", Outcome.MISSED: "miss", Outcome.CANCELLED: "cancel"}


def decision_view(run: Run, action: str, reason: str = "") -> View:
    """Of a run: `action` is start, wait, go_on or cancel; `conditions` are its guards' verdicts."""
    return {
        "job": str(run.job),
        "id": str(run.id),
        "scheduled_at": instant(run.due),
        "first_scheduled_at": None,
        "count": 1,
        "action": action,
        "cause": run.cause.value,
        "reason": reason,
        "conditions": verdict_views(run.verdicts),
    }


def ended_view(row: Row) -> View:
    """Of due instants that end without a run, or of a run that ends without having begun: `action` is skip, miss or cancel."""
    verdicts = row.run.verdicts if row.run else row.not_run.verdicts if row.not_run else ()
    return {
        "job": str(row.job),
        "id": str(row.run.id) if row.run else None,
        "scheduled_at": instant(row.due),
        "first_scheduled_at": instant(row.first_due),
        "count": row.count,
        "action": _ACTIONS.get(row.outcome, "end"),
        "cause": row.run.cause.value if row.run else None,
        "reason": row.reason,
        "conditions": verdict_views(verdicts),
    }

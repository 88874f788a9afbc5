"""What agents have used, as views."""

from __future__ import annotations

from octojobs.core.rate_limit import Limit
from octojobs.core.usage import Key, Sum
from octojobs.views.values import View, instant


def usage_view(key: Key, total: Sum) -> View:
    """One line of `agent usage`: what a job's agent has used on a day."""
    day, job, agent = key
    return {"day": day, "job": str(job), "agent": agent, **sum_view(total)}


def limit_view(provider: str, limit: Limit | None) -> View | None:
    """`provider`, `until`, `since` and the `run` that met it; None stays None."""
    if limit is None:
        return None
    return {"provider": provider, "until": instant(limit.until), "since": instant(limit.since), "run": str(limit.run)}


def sum_view(total: Sum) -> View:
    """The numbers; None where nobody has told one. `untold` of the runs' attempts told nothing."""
    return {
        "runs": total.runs,
        "untold": total.untold,
        "input_tokens": total.input_tokens,
        "cached_tokens": total.cached_tokens,
        "output_tokens": total.output_tokens,
        "cost_usd": None if total.cost_usd is None else round(total.cost_usd, 6),
        "models": list(total.models),
    }

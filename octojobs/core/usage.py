"""What agents have used, summed: by job, agent and day, or all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from octojobs.core.identity import JobId
from octojobs.core.run import Usage
from octojobs.slotted import dataclass

_N = TypeVar("_N", int, float)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one attempt has used, which ended at `at`: a line of the ledger. `run` and `attempt` name it, once."""

    run: str
    attempt: int
    job: JobId
    at: datetime
    usage: Usage
    succeeded: bool = False


@dataclass(slots=True)
class Sum:
    """What several have used together. A number is None where none of them told it; `untold` is how many told nothing at all."""

    runs: int = 0
    untold: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    models: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """All that were read and written, as far as they were told."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


Key = tuple[str, JobId, str]
"""Day, job, agent."""


def once(spent: Iterable[Spent]) -> list[Spent]:
    """Each attempt once, however often it was seen, in the order in which they ended."""
    return sorted({(one.run, one.attempt): one for one in spent}.values(), key=lambda one: (one.at, one.run, one.attempt))


def by_day(spent: Iterable[Spent]) -> Mapping[Key, Sum]:
    """The sums of each day, job and agent; the newest day first. Days are those of each job's own zone."""
    groups: dict[Key, list[Spent]] = {}
    for one in spent:
        groups.setdefault((one.usage.day, one.job, one.usage.agent), []).append(one)
    newest_first = sorted(groups, key=lambda key: key[1:])
    return {key: summed(groups[key]) for key in sorted(newest_first, key=lambda key: key[0], reverse=True)}


def summed(spent: Iterable[Spent]) -> Sum:
    """The sum; a run that had several attempts is one run.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 20, tzinfo=UTC)
    >>> one = Spent("a@20261120T000000Z", 1, JobId("a"), at, Usage("claude", "2026-11-20", input_tokens=3, cost_usd=0.5))
    >>> total = summed([one, Spent("b@20261120T000000Z", 1, JobId("b"), at, Usage("codex", "2026-11-20", input_tokens=4))])
    >>> total.runs, total.input_tokens, total.output_tokens, total.cost_usd
    (2, 7, None, 0.5)
    """
    found = once(spent)
    usages = [one.usage for one in found]
    return Sum(
        len({one.run for one in found}),
        sum(is_untold(usage) for usage in usages),
        _total(usage.input_tokens for usage in usages),
        _total(usage.cached_tokens for usage in usages),
        _total(usage.output_tokens for usage in usages),
        _total(usage.cost_usd for usage in usages),
        tuple(sorted({usage.model for usage in usages if usage.model})),
    )


def is_untold(usage: Usage) -> bool:
    """Whether the program told neither tokens nor what they cost: it was killed, say, or never tells."""
    return usage.input_tokens is None and usage.output_tokens is None and usage.cost_usd is None


def _total(values: Iterable[_N | None]) -> _N | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

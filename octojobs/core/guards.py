"""Guards: what must hold before a job may start, and the three-valued logic that joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any

from octojobs.slotted import dataclass


class Status(StrEnum):
    """What came of a guard. Unknown is not passed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one guard, with its evidence in words, such as "implementer-1, pid 48213, since 13:40".

    `seen` are the refs that it looked at, by full name, with the commit that each stood for: what "changed since the last
    success" is later measured from.
    """

    status: Status
    evidence: str
    guard: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)


def _shown(value: Any) -> str:
    """An argument in words, for people: no language's brackets and quotes."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Condition:
    """A guard by name, with arguments that were checked when the definitions were loaded."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.args:
            return self.name
        return f"{self.name}({', '.join(f'{key}: {_shown(value)}' for key, value in self.args.items())})"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Passes when one of its guards passes."""

    guards: tuple[Guard, ...]

    def __str__(self) -> str:
        return f"any of {', '.join(map(str, self.guards))}"


@dataclass(frozen=True, slots=True)
class Not:
    """Passes when its guard fails; unknown stays unknown."""

    guard: Guard

    def __str__(self) -> str:
        return f"not {self.guard}"


Guard = Condition | AnyOf | Not


def conditions_in(guards: tuple[Guard, ...]) -> Iterator[Condition]:
    """Every named condition in the guards, depth first: what facts must be gathered for them.

    >>> [str(c) for c in conditions_in((Not(Condition("a")), AnyOf((Condition("b"), Condition("c")))))]
    ['a', 'b', 'c']
    """
    for guard in guards:
        match guard:
            case Condition():
                yield guard
            case AnyOf(inner):
                yield from conditions_in(inner)
            case Not(inner_guard):
                yield from conditions_in((inner_guard,))


def evaluate(guard: Guard, judge: Callable[[Condition], Verdict]) -> Verdict:
    """Kleene's three-valued logic over the guard's tree; `judge` decides a single condition.

    >>> evaluate(Not(Condition("x")), lambda c: Verdict(Status.UNKNOWN, "no git")).status
    <Status.UNKNOWN: 'unknown'>
    """
    match guard:
        case Condition():
            verdict = judge(guard)
            return replace(verdict, guard=str(guard))
        case Not(inner):
            verdict = evaluate(inner, judge)
            flipped = {Status.PASSED: Status.FAILED, Status.FAILED: Status.PASSED}.get(verdict.status, Status.UNKNOWN)
            return Verdict(flipped, verdict.evidence, str(guard), verdict.seen)
        case AnyOf(guards):
            verdicts = [evaluate(inner, judge) for inner in guards]
            seen = seen_by(verdicts)
            for wanted in (Status.PASSED, Status.UNKNOWN):
                for verdict in verdicts:
                    if verdict.status is wanted:
                        return Verdict(wanted, f"{verdict.guard}: {verdict.evidence}", str(guard), seen)
            return Verdict(Status.FAILED, "; ".join(f"{v.guard}: {v.evidence}" for v in verdicts), str(guard), seen)


def evaluate_all(guards: tuple[Guard, ...], judge: Callable[[Condition], Verdict]) -> tuple[Verdict, ...]:
    """The verdict of each guard, in order: all are evaluated, so that `why` can show each of them."""
    return tuple(evaluate(guard, judge) for guard in guards)


def seen_by(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """What all of them saw together: ref to commit."""
    return {ref: commit for verdict in verdicts for ref, commit in verdict.seen.items()}


def overall(verdicts: tuple[Verdict, ...]) -> Verdict:
    """All must hold: the first failed verdict, else the first unknown one, else passed.

    >>> overall(()).status
    <Status.PASSED: 'passed'>
    """
    for wanted in (Status.FAILED, Status.UNKNOWN):
        for verdict in verdicts:
            if verdict.status is wanted:
                return verdict
    return Verdict(Status.PASSED, "; ".join(f"{v.guard}: {v.evidence}" for v in verdicts) or "no conditions")

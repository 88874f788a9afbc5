"""How the tasks stand: what is old, stuck, quarantined, unreadable, blocked for ever, or near a cap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from octojobs.core.durations import parse_duration
from octojobs.core.flow import TaskPhase
from octojobs.flows.queue import Queue, opened
from octojobs.flows.record import Kept
from octojobs.housekeeping.ground import chosen, now_of, place_of
from octojobs.runners.context import JobContext

_ANSWERS = ("report", "fail", "enqueue")
_PERCENT = 100


class Unhealthy(Exception):
    """The queue is over a threshold; the message has all problems, a line each."""


def queue_health(
    context: JobContext,
    *,
    max_age: str | int = "7d",
    max_claimed: str | int = "1d",
    cap_percent: int = 80,
    on_problem: str = "report",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Report on the tasks; `problems` has a line for each thing that a person should look at.

    A ready task older than `max_age` is `old`, one claimed for longer than `max_claimed` is `stuck`; a cap that is filled to
    `cap_percent` is near. With problems `on_problem` decides: `report` alone, `fail` (raises Unhealthy), or `enqueue`: one task a
    day. With `dry_run` it is always `report`. Raises ValueError for arguments that are none.
    """
    chosen(on_problem, "on_problem", _ANSWERS)
    now = now_of(context)
    old, stuck = (now - timedelta(seconds=parse_duration(text)) for text in (max_age, max_claimed))
    with opened(place_of(context), now) as queue:
        report = _report(queue, old, stuck, cap_percent)
    problems = list(_problems(report))
    for problem in problems:
        context.logger.warning("%s", problem)
    context.logger.info("%s", ", ".join(f"{count} {state}" for state, count in report["states"].items()) or "no tasks")
    if problems and not dry_run and on_problem == "fail":
        raise Unhealthy("\n" + "\n".join(problems))
    if problems and not dry_run and on_problem == "enqueue":
        title = f"the queue of tasks has {len(problems)} problem{'s' * (len(problems) != 1)}"
        body = "\n".join(f"- {problem}" for problem in problems)
        report["enqueued"] = context.enqueue(title, body, dedupe=f"queue-health-{now:%Y-%m-%d}").id
    return {**report, "problems": problems, "dry_run": dry_run}


def _report(queue: Queue, old: datetime, stuck: datetime, cap_percent: int) -> dict[str, Any]:
    flow = queue.flow
    kept = {one.task.id: one for one in queue.record.in_states(tuple(flow.states))}
    open_ones = {task: one for task, one in kept.items() if not queue.phase(one).is_final}
    ready = [one for one in open_ones.values() if queue.phase(one) is TaskPhase.READY]
    claims = [one for one in open_ones.values() if queue.phase(one) is TaskPhase.RUNNING]
    counts = {state: sum(one.state == state for one in kept.values()) for state in flow.states}
    oldest = min(ready, key=lambda one: one.task.created_at, default=None)
    return {
        "states": {state: count for state, count in counts.items() if count},
        "oldest": oldest and {"task": str(oldest.task.id), "age_s": int((queue.now - oldest.task.created_at).total_seconds())},
        "old": _ids(one for one in ready if one.task.created_at < old),
        "stuck": _ids(one for one in claims if (one.claim.since if one.claim else one.task.claimed_at or queue.now) < stuck),
        "expired": _ids(one for one in claims if one.claim and one.claim.until <= queue.now),
        "quarantined": _ids(one for one in kept.values() if one.state == flow.quarantined),
        "missing": sorted(queue.missing),
        "unreadable": list(queue.notes),
        "blocked_by_missing": {
            str(task): gone for task, one in open_ones.items() if (gone := [str(by) for by in one.task.blocked_by if by not in kept])
        },
        "cycles": _cycles({task: [by for by in one.task.blocked_by if by in open_ones] for task, one in open_ones.items()}),
        "caps": list(_caps(queue, len(open_ones), counts, cap_percent)),
    }


def _ids(tasks: Iterator[Kept] | Any) -> list[str]:
    return [str(one.task.id) for one in tasks]


def _caps(queue: Queue, open_count: int, counts: dict[str, int], percent: int) -> Iterator[dict[str, Any]]:
    settings = queue.place.settings
    caps = [("max_open", open_count, settings.max_open)]
    caps += [(f"queue_limits.{state}", counts.get(state, 0), limit) for state, limit in settings.queue_limits.items()]
    for name, count, limit in caps:
        if count * _PERCENT >= limit * percent:
            yield {"cap": name, "count": count, "limit": limit}


def _cycles(waits: dict[Any, list[Any]]) -> list[list[str]]:
    """Each ring of tasks that wait for one another, once, from its smallest id on."""
    done: set[Any] = set()
    rings = []
    for start in sorted(waits):
        way: dict[Any, Iterator[Any]] = {} if start in done else {start: iter(waits[start])}
        while way:
            last = next(reversed(way))
            following = next(way[last], None)
            if following is None:
                done.add(last)
                del way[last]
            elif following in way:
                ring = list(way)[list(way).index(following) :]
                first = ring.index(min(ring))
                rings.append([str(one) for one in ring[first:] + ring[:first]])
            elif following not in done:
                way[following] = iter(waits[following])
    return rings


_WORDS = {
    "old": "waits to be claimed for too long",
    "stuck": "is claimed for too long",
    "expired": "is claimed, and its lease has ended",
    "quarantined": "is quarantined: nobody could finish it",
    "missing": "has no file any more",
}


def _problems(report: dict[str, Any]) -> Iterator[str]:
    for kind, words in _WORDS.items():
        yield from (f"task {task} {words}" for task in report[kind])
    yield from report["unreadable"]
    for task, gone in report["blocked_by_missing"].items():
        yield f"task {task} waits for {', '.join(gone)}, and there is no such task"
    yield from (f"tasks {' → '.join([*ring, ring[0]])} wait for one another" for ring in report["cycles"])
    yield from (f"{cap['count']} tasks, and tasks.{cap['cap']} is {cap['limit']}" for cap in report["caps"])

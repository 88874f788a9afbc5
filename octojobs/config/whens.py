"""When a job is due: exactly one of `schedule`, `interval`, `after` and `manual`."""

from __future__ import annotations

from octojobs.config.entries import Entry, Fields, each
from octojobs.config.parsers import period
from octojobs.core.cronsyntax import CronError
from octojobs.core.job import AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen, When
from octojobs.core.schedule import parse_entry

NAMES = ("schedule", "interval", "after", "manual")
# What says something about instants that pass by themselves, which a manual job has none of.
_NOT_MANUAL = ("jitter", "catch_up", "catch_up_window")


def when(fields: Fields, own: Fields, here: Entry, timezone: str) -> When | None:
    """The job's `when`; None when it is wrong, which is noted in `fields`. `here` is the job itself."""
    given = [name for name in NAMES if name in own]
    if not given:
        problem = here.problem_at_key("says nothing about when it runs", "add one of schedule, interval, after, or `manual: true`")
        fields.problems.append(problem)
        return None
    for name in given[1:]:
        first = own.entries[given[0]].key
        second = own.entries[name]
        fields.problems.append(second.problem_at_key(f"{first} and {second.key} are both given", "keep one of them"))
    match given[0]:
        case "schedule":
            return fields.read("schedule", lambda entry: _schedule(entry, timezone), None)
        case "interval":
            seconds = fields.read("interval", period, 0)
            return IntervalWhen(seconds) if seconds else None
        case "after":
            seconds = fields.read("after", period, 0)
            return AfterWhen(seconds) if seconds else None
        case _:
            for name in _NOT_MANUAL:
                if name in own:
                    fields.problems.append(own.entries[name].problem("means nothing for a manual job", "remove it, or give the job a schedule"))
            return ManualWhen()


def _schedule(entry: Entry, timezone: str) -> ScheduleWhen:
    """The expressions, each checked in the job's zone."""
    parts = entry.items() if isinstance(entry.value, list) else (entry,)
    return ScheduleWhen(tuple(each(parts, lambda part: _expression(part, timezone))))


def _expression(entry: Entry, timezone: str) -> str:
    text: str = entry.value
    try:
        parse_entry(text, timezone)
    except CronError as error:
        raise entry.invalid(error.what, error.fix, offset=error.offset) from None
    return text

"""Cron expressions as systemd's calendar events (systemd.time(7)), where they can be expressed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from octojobs.core.cron import Cron

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_WEEK = (1, 2, 3, 4, 5, 6, 0)  # systemd's ranges begin on Monday


def calendars(cron: Cron) -> tuple[str, ...]:
    """The `OnCalendar=` values whose union is the expression; two where it means this day of the month *or* that weekday.

    >>> calendars(Cron.parse("*/15 9-17 * * 1-5", "Europe/Berlin")), calendars(Cron.parse("0 0 1 * fri"))
    (('Mon..Fri *-*-* 09..17:00/15:00 Europe/Berlin',), ('*-*-01 00:00:00 UTC', 'Fri *-*-* 00:00:00 UTC'))
    """
    time = f"{_times(cron)} {cron.tz.key}"
    months = _spelled(sorted(cron.fields.months), 1, 12)
    dates = [f"*-{months}-{days}" for days in _days(cron)] + ([f"*-{months}~01"] if cron.fields.days and "l" in cron.fields.days else [])
    if cron.fields.nth:
        counted = [(day, nth) for day, weeks in sorted(cron.fields.nth.items()) for nth in sorted(weeks, key=str)]
        return tuple(f"{_DAYS[day]} *-{months}{_week(nth)} {time}" for day, nth in counted)
    weekdays = f"{_weekdays(cron.fields.weekdays)} " if cron.fields.weekdays is not None and len(cron.fields.weekdays) < len(_DAYS) else ""
    if cron.fields.joins_days_by_or and weekdays:
        return (*(f"{date} {time}" for date in dates), f"{weekdays}*-{months}-* {time}")
    return tuple(f"{weekdays}{date} {time}" for date in dates)


def _times(cron: Cron) -> str:
    hours = sorted({minute // 60 for minute in cron.fields.minutes})
    minutes = sorted({minute % 60 for minute in cron.fields.minutes})
    return f"{_spelled(hours, 0, 23)}:{_spelled(minutes, 0, 59)}:00"


def _days(cron: Cron) -> list[str]:
    if cron.fields.days is None:
        return ["*"]
    days = sorted(day for day in cron.fields.days if isinstance(day, int))
    return [_spelled(days, 1, 31)] if days else []


def _week(nth: int | str) -> str:
    """The days of the month among which a weekday is its nth, or its last."""
    return "~07/1" if nth == "l" else f"-{7 * int(nth) - 6:02}..{min(7 * int(nth), 31):02}"


def _weekdays(days: Collection[int]) -> str:
    parts: list[list[int]] = []
    for place, day in enumerate(_WEEK):
        if day in days:
            if parts and _WEEK[place - 1] == parts[-1][-1]:
                parts[-1].append(day)
            else:
                parts.append([day])
    return ",".join(_DAYS[part[0]] if len(part) == 1 else f"{_DAYS[part[0]]}..{_DAYS[part[-1]]}" for part in parts)


def _spelled(values: Sequence[int], low: int, high: int) -> str:
    """A component: `*`, one value, an even progression as `a/step` or `a..b/step`, else a list."""
    if len(values) == high - low + 1:
        return "*"
    steps = {after - before for before, after in pairwise(values)}
    if len(values) > 2 and len(steps) == 1:
        step = steps.pop()
        until = "" if values[-1] + step > high and step > 1 else f"..{values[-1]:02}"
        return f"{values[0]:02}{until}" + (f"/{step:02}" if step > 1 else "")
    return ",".join(f"{value:02}" for value in values)

"""What a change does, on a screen or as Markdown for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from octojobs.cli.screen import Screen
from octojobs.cli.text import plural, visible
from octojobs.views.values import View

SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_KINDS = ("moved", "removed", "added")
LONGEST = 120
"""Characters of a value that a table shows; the JSON document has all of them."""

_SAID = frozenset({"schedule", "interval", "after", "manual", "on", "timezone", "enabled"})
"""Fields that the job's `when` tells of."""

_TICKS = re.compile(r"`+")


def show(screen: Screen, view: View) -> None:
    """A line for each job and for each of its fields and settings that differ; in a pipe: sign, job, what, before, after."""
    rows = [row for one in view["jobs"] for row in _rows(one)]
    rows += [["~", "settings", one["field"], _value(one["before"]), _value(one["after"])] for one in view["settings"]]
    if rows:
        screen.table(["", "JOB", "", "BEFORE", "AFTER"], rows)
    screen.note(visible(summary(view)))
    for text in _remarks(view):
        screen.note(visible(text), "dim")


def markdown(view: View) -> str:
    """The same for a pull request: a headline, a table of the jobs, and for each what differs, folded in.

    Everything that comes from the files stands in code spans: nothing in it is a link, a mention or HTML.
    """
    lines = [f"### octojobs: {_plain(summary(view))}", ""]
    if view["jobs"]:
        lines += ["| | job | when | due instants |", "|---|---|---|---|"]
        lines += [f"| {SIGNS[one['change']]} | `{one['job']}` | {_when(one)} | {_counts(one)} |" for one in view["jobs"]]
        lines.append("")
    for one in view["jobs"]:
        lines += _details(one)
    if view["settings"]:
        lines += ["**settings**", ""]
        lines += [f"- {_code(one['field'])}: {_code(one['before'])} → {_code(one['after'])}" for one in view["settings"]] + [""]
    lines += [f"> {_plain(text)}" for text in _remarks(view)]
    return "\n".join(lines).rstrip("\n")


def summary(view: View) -> str:
    """The headline: how many jobs differ, and what that does to the instants of the span."""
    if not view["jobs"] and not view["settings"]:
        return f"nothing changes between {view['base']['name']} and {view['head']['name']}"
    kinds = [(kind, sum(one["change"] == kind for one in view["jobs"])) for kind in SIGNS]
    jobs = (
        ", ".join(f"{plural(count, 'job')} {kind}" for kind, count in kinds if count)
        or f"{plural(len(view['settings']), 'setting')} changed"
    )
    moves = ", ".join(f"{view[kind]} {kind}" for kind in ("added", "removed", "moved") if view[kind]) or "none changed"
    return f"{jobs}; due instants from {view['from']} to {view['until']}: {moves}"


def _rows(one: View) -> Iterator[list[str]]:
    head = [SIGNS[one["change"]], one["job"]]
    if one["when"]["before"] != one["when"]["after"]:
        yield [*head, "when", _value(one["when"]["before"]), _value(one["when"]["after"])]
    if one["change"] != "changed":
        yield [*head, "executes", _value(one["action"]["before"]), _value(one["action"]["after"])]
    for field in one["fields"]:
        if field["field"] not in _SAID:
            yield [*head, field["field"], _value(field["before"]), _value(field["after"])]
    if one["files"]:
        yield [*head, "files", "", ", ".join(one["files"])]
    instants = one["instants"]
    if _differs(instants):
        yield [*head, "due", str(instants["before"]), str(instants["after"])]
    for what, before, after in _named(instants):
        yield [*head, what, before, after]
    if left := _left(instants):
        yield [*head, "more", "", ", ".join(left)]


def _differs(instants: View) -> bool:
    return instants["before"] != instants["after"] or any(instants[kind]["count"] for kind in _KINDS)


def _named(instants: View) -> Iterator[tuple[str, str, str]]:
    """The instants that are named: what becomes of each, where it is and where it will be."""
    yield from (("moves", move["from"], move["to"]) for move in instants["moved"]["first"])
    yield from (("goes", at, "") for at in instants["removed"]["first"])
    yield from (("comes", "", at) for at in instants["added"]["first"])


def _left(instants: View) -> list[str]:
    """How many of each kind are not named."""
    counts = [(kind, instants[kind]["count"] - len(instants[kind]["first"])) for kind in _KINDS]
    return [f"{count} {kind}" for kind, count in counts if count]


def _remarks(view: View) -> Iterator[str]:
    if view["note"]:
        yield view["note"]
    for one in view["jobs"]:
        if one["note"]:
            yield f"{one['job']}: {one['note']}"
        if (until := one["instants"]["compared_until"]) is not None:
            yield f"{one['job']}: compared one by one up to {until}, by number from there on"


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _when(one: View) -> str:
    before, after = one["when"]["before"], one["when"]["after"]
    if before == after or one["change"] != "changed":
        return _cell(after or before)
    return f"{_cell(before)} → {_cell(after)}"


def _counts(one: View) -> str:
    instants = one["instants"]
    parts = [f"{instants[kind]['count']} {kind}" for kind in ("added", "removed", "moved") if instants[kind]["count"]]
    if not parts and instants["before"] != instants["after"]:
        parts = [f"{instants['before']} → {instants['after']}"]
    return ", ".join(parts) or "the same"


def _details(one: View) -> Iterator[str]:
    """What a job executes and which instants differ, folded in."""
    fields = [field for field in one["fields"] if field["field"] not in _SAID]
    items = [f"- {_code(field['field'])}: {_code(field['before'])} → {_code(field['after'])}" for field in fields]
    items += [f"- {_code(path)} differs" for path in one["files"]]
    if one["change"] != "changed":
        items.append(f"- executes {_code(one['action']['after'] or one['action']['before'])}")
    items += [f"- {what} {' → '.join(filter(None, (before, after)))}" for what, before, after in _named(one["instants"])]
    items += [f"- and more: {', '.join(left)}"] if (left := _left(one["instants"])) else []
    if items:
        executes = one["files"] or any(field["about"] == "executes" for field in fields)
        title = f"<code>{one['job']}</code>" + (": what it executes changes" if executes else "")
        yield from (f"<details><summary>{title}</summary>", "", *items, "", "</details>", "")


def _cell(value: Any) -> str:
    """A code span in a table, where a bar would end the cell."""
    return _code(value).replace("|", "\\|")


def _code(value: Any) -> str:
    """A code span, whatever the text: longer ticks than any in it.

    >>> _code("a|b"), _code("say `hi`"), _code(None)
    ('`a|b`', '`` say `hi` ``', '—')
    """
    if value is None or value == "":
        return "—"
    text = visible(_value(value))
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def _plain(text: str) -> str:
    """Text that is no Markdown and names nobody."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", visible(text)).replace("@", "@<!-- -->")

"""The lines of a crontab, as cron(8) reads them: variables, comments, and entries with their place.

Sources of the rules: crontab(5) of Vixie cron, Debian and cronie. A variable holds for the entries below it. There are no
comments at the end of a line: `#` in a command or a value is part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

_VARIABLE = re.compile(r"""(?P<quote>["']?)(?P<name>[^\s"'=]+)(?P=quote)[ \t]*=[ \t]*(?P<value>.*)""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"[^ \t]+")
# A line of Debian's and of many others' crontabs that explains the columns.
_LEGEND = re.compile(r"m(in\S*)?\s+h(our\S*)?\s+dom\b.*|[-*.|│┌└─]{3,}.*|For more information see .*", re.IGNORECASE)
# What was an entry until somebody put # before it.
_SWITCHED_OFF = re.compile(r"(@[a-z]+|([0-9*,/-]+[ \t]+){3,}[\w*,/-]+)[ \t]+\S.*")

_NOT_OURS = {
    "MAILFROM": "",
    "CONTENT_TYPE": "",
    "CONTENT_TRANSFER_ENCODING": "",
    "LOGNAME": "jobs run as the user who runs octojobs",
    "USER": "jobs run as the user who runs octojobs",
    "START_HOURS_RANGE": "use `conditions: [{between: {from: …, to: …}}]`",
}
"""Variables that only cron's own doings depend on, and what to write here instead; "" where there is nothing."""


@dataclass(frozen=True, slots=True)
class CronEntry:
    """One entry. `schedule` is its five fields or its macro, `command` its text with `%` untouched, `user` "" in a user's crontab.

    `column` is that of the schedule, `command_column` that of the command, from 1. `variables` are those that hold here.
    """

    line: int
    column: int
    schedule: str
    command_column: int
    command: str
    user: str
    description: str
    variables: Mapping[str, str]


@dataclass(slots=True)
class Crontab:
    """The entries of a file in order, and what is wrong with its other lines."""

    path: str
    entries: list[CronEntry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_crontab(path: str, text: str, *, system: bool = False) -> Crontab:
    """All entries of the text; `system` says that a user stands before each command, as in /etc/crontab."""
    crontab = Crontab(path)
    variables: dict[str, str] = {}
    comments: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        words = line.strip(" \t")
        column = len(line) - len(line.lstrip(" \t")) + 1
        if words.startswith("#"):
            comments.append(words.lstrip("#").strip())
            continue
        if match := _VARIABLE.fullmatch(words):
            _set(crontab, variables, match, number, column)
        elif words:
            _add(crontab, line, number, column, system, _description(comments), variables)
        comments = []
    return crontab


def _set(crontab: Crontab, variables: dict[str, str], match: re.Match[str], line: int, column: int) -> None:
    name, value = match["name"], match["value"]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if not _NAME.fullmatch(name):
        what = f'"{name}" is not the name of a variable'
        crontab.problems.append(Problem(crontab.path, line, column, what, "use letters, digits and _"))
        return
    if told := _told(name, value):
        crontab.problems.append(Problem(crontab.path, line, column, *told, Severity.WARNING))
    if name not in _NOT_OURS and name != "MAILTO":
        variables[name] = value


def _told(name: str, value: str) -> tuple[str, str] | None:
    """What a person should know about a variable that is not passed on as it is: what, and the remedy."""
    if name == "MAILTO" and value:
        fix = "give the jobs whose failure must reach somebody `on_failure: {command: …}`"
        return f"MAILTO={value} is left out: octojobs sends no mail", fix
    if name in _NOT_OURS:
        return f"{name} is left out: it means nothing here", _NOT_OURS[name]
    if name == "SHELL" and value.rpartition("/")[2] == "bash":
        return "SHELL=bash becomes `shell: bash`, which is `bash -eo pipefail -c`", "see that no command counts on going on after a failure"
    return None


def _add(crontab: Crontab, line: str, number: int, column: int, system: bool, description: str, variables: Mapping[str, str]) -> None:
    words = [(match.group(), match.start()) for match in _WORDS.finditer(line)]
    if words[0][0].startswith("-") and len(words[0][0]) > 1:
        words[0] = (words[0][0][1:], words[0][1] + 1)  # cronie: "-" only keeps the run out of the system's log
    fields = 1 if words[0][0].startswith("@") else 5
    needed = fields + system
    if len(words) <= needed:
        missing = "a schedule, a user and a command" if system else "a schedule of five fields (or @daily …) and a command"
        what = f"this is no variable, and as an entry it is too short: {len(words)} words, not {missing}"
        crontab.problems.append(Problem(crontab.path, number, column, what, "complete the line, or put # before it"))
        return
    start, last = words[0][1], words[fields - 1]
    schedule = line[start : last[1] + len(last[0])]
    command_at = words[needed][1]
    user = words[fields][0] if system else ""
    command = line[command_at:].rstrip(" \t")
    crontab.entries.append(CronEntry(number, start + 1, schedule, command_at + 1, command, user, description, dict(variables)))


def _description(comments: list[str]) -> str:
    """The last paragraph of the comment right above an entry, without what is no prose."""
    kept: list[str] = []
    for comment in comments:
        if not comment or _LEGEND.fullmatch(comment) or _SWITCHED_OFF.fullmatch(comment):
            kept = []
        else:
            kept.append(comment)
    return " ".join(kept)

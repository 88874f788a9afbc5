"""The one reader of GitHub: which repository is meant, and answers that are kept for a while, within a budget of questions.

What was answered is kept in `github.json` of the state folder, so that a daemon, `tick` from a crontab and `why` share it. An
answer is good for two minutes and a refusal for one; a refusal that has to do with no question in particular counts for all of
them. At most 120 questions an hour are asked (GitHub allows a user 5,000), and none for a quarter of an hour after it said that
its rate limit is used up; meanwhile an answer of up to 30 minutes will do, and the evidence says how old it is.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from octojobs.facts import gh
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.files import read_json
from octojobs.slotted import dataclass

FILE = "github.json"
FORMAT = 1
FRESH_S = 120.0
REFUSAL_S = 60.0
STALE_S = 1800.0
HOUR_S = 3600.0
PARKED_S = 900.0
BUDGET = 120
MOST_ANSWERS = 64

_URL = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[A-Za-z0-9.-]+)(?::[0-9]+)?/|(?:[^@/:]*@)?(?P<scp>[A-Za-z0-9.-]+):/?)"
    r"(?P<owner>[A-Za-z0-9_.][A-Za-z0-9_.-]*)/(?P<name>[A-Za-z0-9_.][A-Za-z0-9_.-]*?)(?:\.git)?/?"
)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Project:
    """A repository on GitHub, or on a server of its kind."""

    host: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.owner}/{self.name}"


@dataclass(slots=True)
class _Desk:
    """What is kept: answers and refusals by question, when was asked, how long nothing may be, and since when nobody answers and why."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)
    parked_until: float = 0.0
    unavailable: tuple[float, str] = (0.0, "")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and when GitHub gave it (aware UTC)."""

    value: Any
    at: datetime


def project_of(context: FactContext) -> Project:
    """The repository that `origin` is; Unreadable where there is none, or its address is none of GitHub's kind."""
    url = context.once("origin", lambda: context.git.config("remote.origin.url"))
    if url is None:
        raise Unreadable("there is no remote origin")
    match = _URL.fullmatch(url)
    if match is None:
        raise Unreadable("the address of origin is none of a repository on GitHub")
    host = (match["host"] or match["scp"]).lower()
    return Project("github.com" if host == "ssh.github.com" else host, match["owner"], match["name"])


def ask(question: str, arguments: Sequence[str], reduce: Callable[[Any], Any], context: FactContext) -> Answered:
    """The answer to a question about the project, from what is kept or from `gh` with these arguments.

    `reduce` makes of gh's JSON what is worth keeping, JSON too; a KeyError, TypeError or ValueError of it means that gh answered
    something else. Raises Unreadable with the reason.
    """
    project = project_of(context)
    key, now = f"{project} {question}", context.now.timestamp()
    with _one_at_a_time:
        desk = _read(context)
        known = desk.answers.get(key, {})
        age_s = now - known.get("at", float("-inf"))
        if "refusal" in known and 0 <= age_s < REFUSAL_S:
            raise Unreadable(known["refusal"])
        if "value" in known and 0 <= age_s < FRESH_S:
            return _answered(known)
        if 0 <= now - desk.unavailable[0] < REFUSAL_S:
            raise Unreadable(desk.unavailable[1])
        if why := _leave_alone(desk, now):
            if "value" in known and 0 <= age_s < STALE_S:
                return _answered(known)
            raise Unreadable(why)
        desk.asked.append(now)
        try:
            desk.answers[key] = {"at": now, "value": _ask_gh(arguments, project, reduce, context)}
        except Unreadable as error:
            _note(error, desk, key, now)
            raise
        finally:
            _keep(desk, context, now)
        return _answered(desk.answers[key])


def _note(error: Unreadable, desk: _Desk, key: str, now: float) -> None:
    """A refusal is kept in place of an answer, unless it says nothing about that."""
    match error:
        case gh.RateLimited():
            desk.parked_until = now + PARKED_S
            desk.answers.setdefault(key, {"at": now, "refusal": str(error)})
        case gh.Unavailable():
            desk.unavailable = (now, str(error))
        case _:
            desk.answers[key] = {"at": now, "refusal": str(error)}


def listed(said: Any) -> list[Any]:
    """A list that GitHub sent; TypeError for anything else, which might look like an empty one."""
    if not isinstance(said, list):
        raise TypeError(type(said).__name__)
    return said


def _ask_gh(arguments: Sequence[str], project: Project, reduce: Callable[[Any], Any], context: FactContext) -> Any:
    said = gh.ask(arguments, project.host, context.environ)
    try:
        return reduce(said)
    except (KeyError, TypeError, ValueError):
        raise Unreadable("gh printed JSON of another form than it should") from None


def _answered(known: dict[str, Any]) -> Answered:
    return Answered(known["value"], datetime.fromtimestamp(known["at"], UTC))


def _leave_alone(desk: _Desk, now: float) -> str:
    """Why nothing may be asked now; empty when something may. A clock that was set back leaves no instant in the future."""
    if now < desk.parked_until <= now + PARKED_S:
        return f"GitHub's rate limit is used up; asked again at {datetime.fromtimestamp(desk.parked_until, UTC):%H:%M} UTC"
    recent = [at for at in desk.asked if now - HOUR_S < at <= now]
    if len(recent) >= BUDGET:
        again = datetime.fromtimestamp(recent[-BUDGET] + HOUR_S, UTC)
        return f"GitHub was asked {BUDGET} times in the last hour; asked again at {again:%H:%M} UTC"
    return ""


def _read(context: FactContext) -> _Desk:
    """What is kept in the file; what can't be read is begun anew, since GitHub knows it all."""
    try:
        kept = read_json(context.state / FILE, FILE)
        if kept is not None and kept["v"] == FORMAT:
            answers = {
                key: one for key, one in kept["answers"].items() if isinstance(one["at"], float) and {"value", "refusal"} & one.keys()
            }
            since, why = kept["unavailable"]
            return _Desk(answers, [float(at) for at in kept["asked"]], float(kept["parked_until"]), (float(since), str(why)))
    except (Unreadable, KeyError, TypeError, ValueError, AttributeError):
        pass
    return _Desk()


def _keep(desk: _Desk, context: FactContext, now: float) -> None:
    """Best effort: without the file the next process asks anew. No folder is made for it."""
    latest = sorted(desk.answers, key=lambda key: desk.answers[key]["at"])[-MOST_ANSWERS:]
    kept = {
        "v": FORMAT,
        "asked": [at for at in desk.asked if now - HOUR_S < at <= now],
        "parked_until": desk.parked_until,
        "unavailable": desk.unavailable,
        "answers": {key: desk.answers[key] for key in latest},
    }
    path: Path = context.state / FILE
    temporary = path.with_name(f".{FILE}.{os.getpid()}")
    with suppress(OSError):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(kept))
        temporary.rename(path)

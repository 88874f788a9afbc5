"""The process of an agent job, `PYTHON agent_host.py ORDER`: gives the program its prompt and judges by what it prints.

Exit code 0: the agent has done it. 1: it failed. 2: it could not be started as ordered. 75: it met a rate limit. 77: it is
blocked, since it would have had to ask somebody. 143: it was asked to end. The result is what the agent told, as JSON.

Time limits are the shim's. It ends the whole group; this process stays until its program has ended, and keeps the work.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run by path: the package may lie where Python finds nothing by itself.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import json
import os
import signal
import uuid
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from octojobs import process
from octojobs.agents.events import Reader
from octojobs.agents.verdict import EXIT_CODES, FAILED, OK, Verdict, judge
from octojobs.core.agent import Agent, arguments, options
from octojobs.core.codec import decode
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import AgentAction
from octojobs.core.one_line import spelled
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.agent import LONGEST, PROMPT
from octojobs.runners.agent_prompt import composed
from octojobs.runners.agent_work import Place, Whose, worktree
from octojobs.runners.context import write_whole
from octojobs.runners.sessions import Session, forget, last_session, record
from octojobs.store.paths import StatePaths

USAGE, TERMINATED = 2, 143
_MOST_ERROR = 65_536
_MOST_RESULT = 30_000
"""Characters of the answer in the result, which has to stay one that can be listed; the whole one is in the output."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the run is to do, as `agent.py` wrote it."""

    repository: Repository
    paths: StatePaths
    job: JobId
    whose: Whose
    definitions: str
    cwd: str
    agent: Agent
    action: AgentAction

    @classmethod
    def read(cls, told: Mapping[str, Any], environ: Mapping[str, str]) -> Order:
        """The order; raises OctojobsError outside a repository."""
        repository = Repository.discover(Path(told["repository"]))
        base = environ["OCTOJOBS_COMMIT"] or repository.head().commit or ""
        whose = Whose(RunId(told["run"]), int(told["attempt"]), base)
        agent, action = decode(Agent, told["agent"]), decode(AgentAction, told["action"])
        return cls(repository, StatePaths(Path(told["state"])), JobId(told["job"]), whose, told["definitions"], told["cwd"], agent, action)


class Stopping:
    """Whether this process was asked to end; the program, in the same group, is asked by the same signal."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


def main(told: Mapping[str, Any]) -> int:
    """Carry out the order; returns the exit code."""
    stopping = Stopping()
    prompt = os.environ.pop(PROMPT, "")
    try:
        order = Order.read(told, os.environ)
        text = composed(order.repository, order.definitions, order.agent, order.action, prompt, os.environ, order.paths)
        where = worktree(order.repository, order.paths, order.whose, stays=order.action.resume) if order.action.has_worktree else None
        with where or nullcontext(Place(order.repository.main_worktree)) as place:
            verdict, session = _run(order, text, place, stopping)
    except OctojobsError as error:
        _say(str(error))
        return USAGE
    _leave(order, verdict, session, place)
    if stopping.asked:
        return TERMINATED
    return EXIT_CODES[verdict.status]


def _run(order: Order, prompt: str, place: Place, stopping: Stopping) -> tuple[Verdict, Session]:
    """Run the program and judge. Raises OctojobsError when it can't be started."""
    before = last_session(order.paths, order.job, order.agent.profile.name) if order.action.resume else None
    session = before or Session(order.agent.profile.name, str(uuid.uuid4()) if order.agent.profile.session == "ours" else "")
    argv = _argv(order, prompt, session, resumed=before is not None)
    folder = os.path.normpath(place.folder / order.cwd)
    _say(f"agent {order.agent.name} in {folder}" + (f", session {session.id}" if session.id else "") + (" again" if before else ""))
    if session.id:
        record(order.paths, order.job, session)
    reader, errors = Reader(order.agent.profile), bytearray()

    def told(data: bytes) -> None:
        _write(data)
        reader.feed(data)

    def complained(data: bytes) -> None:
        _write(data)
        errors.extend(data)
        del errors[:-_MOST_ERROR]

    feed = prompt.encode() if order.agent.profile.prompt == "stdin" else b""
    code = TERMINATED
    if not stopping.asked:
        try:
            code = process.follow(argv, cwd=folder, env=_environment(order, folder), input=feed, on_output=told, on_error=complained)
        except OSError as error:
            name = folder if error.filename == folder else argv[0]
            raise OctojobsError(
                f"can't start agent {order.agent.name}: {name}: {error.strerror}", "install it, or put it on PATH"
            ) from None
    reader.end()
    verdict = judge(order.agent.profile, reader.told, code, errors.decode("utf-8", "replace"))
    if stopping.asked and verdict.status in (OK, FAILED):
        verdict = replace(verdict, status=FAILED, error="it was asked to end")
    return _of_this_run(order, verdict, session, before)


def _of_this_run(order: Order, verdict: Verdict, session: Session, before: Session | None) -> tuple[Verdict, Session]:
    """The verdict with the tokens of this run alone, and the session as it stands now."""
    now = replace(
        session,
        id=verdict.session or session.id,
        input_tokens=verdict.input_tokens or 0,
        output_tokens=verdict.output_tokens or 0,
    )
    if before is not None and verdict.status == FAILED:
        forget(order.paths, order.job)  # it may be the session that is wrong: the next run begins another
    elif now.id:
        record(order.paths, order.job, now)
    if before is not None and order.agent.profile.cumulative and verdict.input_tokens is not None:
        verdict = replace(
            verdict,
            input_tokens=max(verdict.input_tokens - before.input_tokens, 0),
            output_tokens=max((verdict.output_tokens or 0) - before.output_tokens, 0),
        )
    return verdict, now


def _argv(order: Order, prompt: str, session: Session, *, resumed: bool) -> tuple[str, ...]:
    profile = order.agent.profile
    file = order.paths.run_dir(order.whose.run, order.whose.attempt) / "prompt.md"
    write_whole(file, prompt)
    if profile.prompt == "argument" and len(prompt.encode()) > LONGEST:
        raise OctojobsError(
            f"the prompt has more than {LONGEST:,} bytes, too many for an argument", "give it a profile with `prompt: stdin`"
        )
    asked = options(order.agent, order.action)
    values = {
        **asked,
        "session_id": session.id,
        "prompt": prompt,
        "prompt_file": str(file),
        "git_common_dir": str(order.repository.common_dir),
    }
    return arguments(profile.resume if resumed else profile.command, [profile.options[name] for name in asked], values)


def _environment(order: Order, folder: str) -> dict[str, str]:
    role = {"OCTOJOBS_AGENT_ROLE": order.agent.role} if order.agent.role else {}
    return {**os.environ, "PWD": folder, **role}


def _leave(order: Order, verdict: Verdict, session: Session, place: Place) -> None:
    """The result, and its substance for whoever reads the output."""
    work = place.work
    told = {
        **asdict(verdict),
        "text": verdict.text if len(verdict.text) <= _MOST_RESULT else verdict.text[:_MOST_RESULT] + "…",
        "session": session.id or None,
        "agent": order.agent.name,
        "commits": work.commits,
        "branch": work.branch.removeprefix("refs/heads/") or None,
        "patch": str(work.patch) if work.patch else None,
    }
    with suppress(OSError):
        write_whole(Path(os.environ["OCTOJOBS_RESULT"]), json.dumps(told, ensure_ascii=False))
    _say(f"{verdict.status}: {verdict.error}" if verdict.error and verdict.status != OK else verdict.status)
    if work.branch:
        _say(f"{work.commits} commit{'s' if work.commits > 1 else ''} on {work.branch.removeprefix('refs/heads/')}")
    if work.patch:
        _say(f"what was not committed: {work.patch}")
    if place.problem:
        _say(place.problem)


def _say(text: str) -> None:
    _write(f"octojobs: {spelled(text)}\n".encode())


def _write(data: bytes) -> None:
    """To the output, at once; a disk that is full ends no agent."""
    with suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

"""The process of an agent job, `PYTHON agent_host.py ORDER`: gives the program its prompt and judges by what it prints.

Exit code 0: the agent has done it, or there was nothing to do. 1: it failed. 2: it could not be started as ordered. 65: what its
job expects is not there. 75: it met a rate limit. 77: it is blocked, since it would have had to ask somebody. 143: it was asked to
end. The result is what the agent told, as JSON.

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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import accumulate
from typing import Any

from octojobs import process
from octojobs.agents.events import Reader
from octojobs.agents.verdict import EXIT_CODES, FAILED, OK, Verdict, judge
from octojobs.core.agent import Agent, arguments, options
from octojobs.core.codec import decode
from octojobs.core.expect import Expect
from octojobs.core.identity import JobId
from octojobs.core.job import AgentAction
from octojobs.core.one_line import spelled
from octojobs.core.sandbox import Backend
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.agent import LONGEST, PROMPT
from octojobs.runners.agent_prompt import composed
from octojobs.runners.agent_usage import leave, of_this_run
from octojobs.runners.context import write_whole
from octojobs.runners.sandbox.enclosure import enclose
from octojobs.runners.sandbox.inner import ASKED, BEFORE_KILL
from octojobs.runners.sandbox.inside import PROMPT_FILE
from octojobs.runners.sandbox.order import Order as RunOrder
from octojobs.runners.sandbox.place import Place, place_of, with_base
from octojobs.runners.sandbox.report import as_data, in_words
from octojobs.runners.sessions import Session, forget, last_session, record
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

USAGE, TERMINATED = 2, 143
_Told = Callable[[bytes], None]
_MOST_ERROR = 65_536
_MOST_TEXT, _MOST_REASON = 30_000, 5_000
"""Bytes of the answer and of the error in the result, which has to stay one that can be listed; the whole ones are in the output."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the run is to do, as `agent.py` wrote it."""

    repository: Repository
    place: RunOrder
    definitions: str
    agent: Agent
    action: AgentAction

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Order:
        """The order; raises OctojobsError outside a repository."""
        place: RunOrder = decode(RunOrder, told["place"])
        repository = Repository.discover(Path(place.repository))
        agent, action = decode(Agent, told["agent"]), decode(AgentAction, told["action"])
        return cls(repository, with_base(place, repository), told["definitions"], agent, action)

    @property
    def paths(self) -> StatePaths:
        """The state folder's names."""
        return self.place.paths

    @property
    def job(self) -> JobId:
        """The job."""
        return self.place.whose.run.job


class Stopping:
    """Whether this process was asked to end; the program, in the same group, is asked by the same signal."""

    def __init__(self) -> None:
        self.asked = False
        self._resort: tuple[float, Callable[[], None]] | None = None
        for number in ASKED:
            signal.signal(number, self._ask)
        signal.signal(signal.SIGALRM, self._end)

    def last_resort(self, after_s: float, end: Callable[[], None]) -> None:
        """What is done so long after it was asked: a container outlives the client that is killed."""
        self._resort = after_s, end

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        if self._resort is not None and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, max(self._resort[0], 0.001))

    def _end(self, _number: int, _frame: object) -> None:
        if self._resort is not None:
            self._resort[1]()


def main(told: Mapping[str, Any]) -> int:
    """Carry out the order; returns the exit code."""
    stopping = Stopping()
    prompt = os.environ.pop(PROMPT, "")
    try:
        order = Order.read(told)
        text = composed(order.repository, order.definitions, order.agent, order.action, prompt, os.environ, order.paths)
        with place_of(order.repository, order.place, os.environ) as place:
            verdict, session = _run(order, text, place, stopping)
            if order.action.expect and not stopping.asked:
                verdict = _examined(order, verdict, place, stopping)
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
    folder = os.path.normpath(place.folder / order.place.cwd)
    _say(f"agent {order.agent.name} in {folder}" + (f", session {session.id}" if session.id else "") + (" again" if before else ""))
    _remember(order, session)
    reader, errors = Reader(order.agent.profile), bytearray()

    def told(data: bytes) -> None:
        _write(data)
        reader.feed(data)

    def complained(data: bytes) -> None:
        _write(data)
        errors.extend(data)
        del errors[:-_MOST_ERROR]

    code = TERMINATED if stopping.asked else _follow(order, argv, folder, prompt, stopping, (told, complained))
    place.hurry = stopping.asked
    reader.end()
    verdict = judge(order.agent.profile, reader.told, code, errors.decode("utf-8", "replace"))
    if stopping.asked and verdict.status in (OK, FAILED):
        verdict = replace(verdict, status=FAILED, error="it was asked to end")
    return _of_this_run(order, verdict, session, before)


def _follow(order: Order, argv: tuple[str, ...], folder: str, prompt: str, stopping: Stopping, told: tuple[_Told, _Told]) -> int:
    """Run the program to its end; its exit code. Raises OctojobsError when it can't be started."""
    feed = prompt.encode() if order.agent.profile.prompt == "stdin" else b""
    try:
        return _enclosed(order, argv, folder, feed, stopping, told)
    except OSError as error:
        if os.fsdecode(error.filename or "") == folder:
            what, fix = f"the folder {folder} can't be entered", "make it, or mend `cwd:`"
        else:
            what, fix = argv[0], "install it, or put it on PATH"
        raise OctojobsError(f"can't start agent {order.agent.name}: {what}: {error.strerror}", fix) from None


def _enclosed(order: Order, argv: tuple[str, ...], folder: str, feed: bytes, stopping: Stopping, told: tuple[_Told, _Told]) -> int:
    """Run a process, in the sandbox if there is one, to its end; its exit code.

    Raises OSError when it can't be started, OctojobsError when there is no image for it.
    """
    enclosed = enclose(order.repository, replace(order.place, argv=argv), _environment(order, folder))
    stopping.last_resort(order.place.grace_s * BEFORE_KILL, enclosed.end)
    code = process.follow(
        enclosed.argv,
        cwd=enclosed.cwd,
        env=enclosed.env,
        input=feed,
        on_output=told[0],
        on_error=told[1],
        pass_fds=enclosed.pass_fds,
        deaf_to=ASKED if enclosed.shielded else (),
        umask=enclosed.umask,
    )
    enclosed.require_begun(code)
    return code


def _of_this_run(order: Order, verdict: Verdict, session: Session, before: Session | None) -> tuple[Verdict, Session]:
    """The verdict with what this run alone has used, and the session as it stands now."""
    verdict, now = of_this_run(verdict, session, before, cumulative=order.agent.profile.cumulative)
    leave(order.place.run_dir, order.agent, verdict)
    # Of a failure it may be the session that is wrong, or one that was never begun: the next run begins another.
    _remember(order, None if verdict.status == FAILED else now)
    return verdict, now


def _remember(order: Order, session: Session | None) -> None:
    """What the next run goes on with, None for nothing; a disk that is full ends no agent."""
    try:
        if session is None:
            forget(order.paths, order.job)
        elif session.id:
            record(order.paths, order.job, session)
    except OSError as error:
        _say(f"the session can't be remembered: {error.strerror}")


def _argv(order: Order, prompt: str, session: Session, *, resumed: bool) -> tuple[str, ...]:
    profile = order.agent.profile
    file = order.place.run_dir / PROMPT_FILE
    try:
        write_whole(file, prompt)
    except OSError as error:
        raise OctojobsError(f"the prompt can't be written: {error.strerror}") from None
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
    apart = {} if order.place.sandbox.backend is Backend.NONE else {"OCTOJOBS_REPO": str(order.place.tree)}
    return {**os.environ, "PWD": folder, **apart, **role}


def _examined(order: Order, verdict: Verdict, place: Place, stopping: Stopping) -> Verdict:
    """The verdict with what the run was worth."""
    from octojobs.runners.agent_checks import Scene, examined  # jobs that expect nothing don't pay for it

    folder = os.path.normpath(place.folder / order.place.cwd)

    def execute(argv: tuple[str, ...]) -> tuple[int, str]:
        printed = bytearray()

        def told(data: bytes) -> None:
            _write(data)
            printed.extend(data)
            del printed[:-_MOST_ERROR]

        _say(f"expects: {argv[0]}")
        code = _enclosed(order, argv, folder, b"", stopping, (told, told))
        return code, printed.decode("utf-8", "replace").rstrip().rpartition("\n")[2]

    base = "" if order.place.sandbox.backend is Backend.NONE else order.place.whose.base
    scene = Scene(order.repository, place.folder, base, order.paths.root, os.environ, execute)
    found = examined(verdict, decode(Expect, order.action.expect), scene)
    return replace(verdict, status=FAILED, error="it was asked to end") if stopping.asked else found


def _leave(order: Order, verdict: Verdict, session: Session, place: Place) -> None:
    """The result, and its substance for whoever reads the output."""
    work = place.work
    told = {
        **asdict(verdict),
        "text": _bounded(verdict.text, _MOST_TEXT),
        "error": _bounded(verdict.error, _MOST_REASON),
        "session": session.id or None,
        "agent": order.agent.name,
        "branch": None,
        "patch": None,
        **(as_data(place.taken) if place.taken else {}),
        "commits": work.commits,
    }
    try:
        write_whole(Path(os.environ["OCTOJOBS_RESULT"]), json.dumps(told, ensure_ascii=False))
    except OSError as error:
        _say(f"the result can't be written: {error.strerror}")
    _say(f"{verdict.status}: {verdict.error}" if verdict.error and verdict.status != OK else verdict.status)
    if verdict.verdict and verdict.status == OK:
        _say("; ".join([verdict.verdict, *(f"{check.expects}: {check.evidence}" for check in verdict.checks)]))
    for line in in_words(place.taken) if place.taken else ():
        _say(line)


def _bounded(text: str, most: int) -> str:
    """The text, cut where it would have more bytes as JSON."""
    sizes = accumulate(len(json.dumps(char, ensure_ascii=False).encode()) - len('""') for char in text[: most + 1])
    kept = sum(size <= most for size in sizes)
    return text if kept == len(text) else text[:kept] + "…"


def _say(text: str) -> None:
    _write(f"octojobs: {spelled(text)}\n".encode())


def _write(data: bytes) -> None:
    """To the output, at once; a disk that is full ends no agent."""
    with suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

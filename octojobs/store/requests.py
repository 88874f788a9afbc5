"""Requests: what people and programs ask of the engine, a file each, written whole and read in the order of asking.

A request that is refused is answered with a file beside it, there before the request goes: whoever asked and finds
neither was obeyed.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octojobs.core.codec import NotDecodable, decode, encode
from octojobs.core.identity import JobId, RunId
from octojobs.core.question import Question
from octojobs.errors import ExitCode, OctojobsError
from octojobs.slotted import dataclass
from octojobs.store.access import storage_failed
from octojobs.store.atomic import replace_file
from octojobs.store.lines import Unreadable, canonical, parse
from octojobs.store.paths import StatePaths, make_folders

log = logging.getLogger("octojobs.requests")

MAX_BYTES = 1 << 20
"""A request names a job and a reason, or has a prompt of 100,000 bytes in it, each of them up to six as JSON; nobody needs more."""

ANSWER_TTL = timedelta(minutes=5)
"""An answer that nobody fetched by then is not waited for any more: asking takes seconds."""

KINDS = ("run", "cancel", "retry", "pause", "resume")


def _new_id() -> str:
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True)
class Request:
    """One wish. `at` is when it was made, aware UTC; `by` says who made it; `id` is 16 hex digits.

    `job` is None for all jobs where that makes sense; `run` names one run to cancel; `until` ends a pause. `question` is what an agent
    is asked by hand; the job is `_agent` then.
    """

    kind: str
    at: datetime
    job: JobId | None = None
    run: RunId | None = None
    force: bool = False
    until: datetime | None = None
    reason: str = ""
    by: str = ""
    question: Question | None = None
    id: str = field(default_factory=_new_id)

    @property
    def suffix(self) -> str:
        """Four hex digits for the id of the run that this asks for: read twice after a crash, it still asks for that one run."""
        return self.id[:4]


def leave(paths: StatePaths, request: Request) -> Path:
    """Put the request where the daemon finds it, durably; returns the file. Raises StorageFailed."""
    path = paths.requests / f"{request.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{request.id}.json"
    try:
        make_folders(paths)
        replace_file(path, canonical(encode(request)) + b"\n")
    except OSError as error:
        raise storage_failed("leave a request in", paths.root, error) from None
    return path


def take(paths: StatePaths) -> list[tuple[Path, Request]]:
    """All requests in the order of asking; they stay there until `done`.

    A file that is no request is reported, and set aside under a name that is not looked at again.
    """
    try:
        names = sorted(name for name in os.listdir(paths.requests) if name.endswith(".json") and not name.startswith("."))
    except FileNotFoundError:
        return []
    taken = []
    for path in (paths.requests / name for name in names):
        try:
            taken.append((path, _read(path)))
        except FileNotFoundError:
            continue
        except (Unreadable, NotDecodable, OSError) as error:
            _set_aside(path, error)
    return taken


def done(path: Path) -> None:
    """What the request asked for is durable: its file may go. Gone already is fine; raises OSError."""
    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not carried out: a sentence for whoever asked, and whether it asked for what does not exist."""

    reason: str
    wrong_usage: bool = False


class RequestRefused(OctojobsError):
    """What was asked for was refused, `by` a daemon or by ourselves (empty); exit 2 for what does not exist."""

    def __init__(self, what: str, refusal: Refusal, by: str = "") -> None:
        super().__init__(f"{by} refused {what}: {refusal.reason}" if by else f"{what} is refused: {refusal.reason}")
        self.exit_code = ExitCode.USAGE if refusal.wrong_usage else ExitCode.FAILED


def refuse(path: Path, refusal: Refusal) -> None:
    """Answer the request, whose file goes. Where an answer can't be written the request itself is left in its place.

    Raises OSError when not even that can be done.
    """
    answer = _answer(path)
    try:
        # Not synced: who asked is gone after a power cut.
        replace_file(answer, canonical(encode(refusal)) + b"\n", durable=False)
    except OSError:
        with suppress(FileNotFoundError):  # withdrawn
            path.rename(answer)
        return
    done(path)


def take_refusal(path: Path) -> Refusal | None:
    """Why the request, which is gone from `path`, was refused, for the one who asked: the answer is removed.

    None when it was carried out.
    """
    answer = _answer(path)
    try:
        refusal: Refusal = decode(Refusal, parse(_content(answer)))
    except FileNotFoundError:
        unread = path.with_suffix(".refused").exists()
        return Refusal("it can't read the request; is it another version of octojobs?") if unread else None
    except (Unreadable, NotDecodable, OSError):
        refusal = Refusal("the reason could not be written; the daemon's log has it")
    with suppress(OSError):  # the daemon forgets it later
        answer.unlink()
    return refusal


def forget_answers(paths: StatePaths, now: datetime) -> None:
    """Remove the answers that nobody fetched within ANSWER_TTL of `now`; what can't be removed stays."""
    oldest = (now - ANSWER_TTL).timestamp()
    with suppress(OSError):
        for entry in list(os.scandir(paths.requests)):
            if entry.name.endswith(".answer") and entry.stat(follow_symlinks=False).st_mtime < oldest:
                os.unlink(entry.path)


def _answer(path: Path) -> Path:
    return path.with_suffix(".answer")


def _read(path: Path) -> Request:
    request: Request = decode(Request, parse(_content(path)))
    if request.kind not in KINDS:
        raise Unreadable(f"{request.kind!r} is none of {', '.join(KINDS)}")
    if len(request.id) != 16 or not set(request.id) <= set("0123456789abcdef"):
        raise Unreadable(f"its id {request.id!r} is not 16 hex digits")
    return request


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable("it is not a file")
        data = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it is longer than {MAX_BYTES} bytes")
    return data


def _set_aside(path: Path, error: Exception) -> None:
    aside = path.with_suffix(".refused")
    log.error("the request in %s can't be read (%s): set aside as %s", path, error, aside.name)
    try:
        path.rename(aside)
    except OSError as trouble:
        log.error("%s can't be set aside: %s", path, trouble)

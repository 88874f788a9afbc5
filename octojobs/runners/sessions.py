"""Which session of its agent a job had last, so that `resume: true` can go on with it."""

from __future__ import annotations

import json
from pathlib import Path

from octojobs.core.codec import NotDecodable, decode, encode
from octojobs.core.identity import JobId
from octojobs.runners.context import write_whole
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a program of that profile; tokens and cost are those that it told of last, of the whole session where it counts so."""

    profile: str
    id: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0


def last_session(paths: StatePaths, job: JobId, profile: str) -> Session | None:
    """The job's last session with that profile; None when there is none, or none that can be read."""
    try:
        found: Session = decode(Session, json.loads(_file(paths, job).read_bytes()))
    except (OSError, ValueError, NotDecodable):
        return None
    return found if found.id and found.profile == profile else None


def record(paths: StatePaths, job: JobId, session: Session) -> None:
    """Remember the session, durably. Raises OSError."""
    write_whole(_file(paths, job), json.dumps(encode(session)))


def forget(paths: StatePaths, job: JobId) -> None:
    """The next run begins another one."""
    _file(paths, job).unlink(missing_ok=True)


def _file(paths: StatePaths, job: JobId) -> Path:
    return paths.agent_session(job)

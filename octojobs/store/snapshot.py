"""The snapshot: the whole ledger in one file, with a checksum."""

from __future__ import annotations

import hashlib
from typing import Any

from octojobs.core.codec import NotDecodable, decode, encode
from octojobs.core.identity import JobId
from octojobs.core.ledger import JobState, Ledger, Pause
from octojobs.core.rate_limit import Limit
from octojobs.core.run import Run
from octojobs.slotted import dataclass
from octojobs.store.lines import Unreadable, canonical, parse
from octojobs.store.migrations import VERSION, check_version, upgrade_state


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger after batch `seq`; `version` is the format it was written in."""

    ledger: Ledger
    seq: int
    version: int = VERSION


def state_of(ledger: Ledger, seq: int) -> dict[str, Any]:
    """The `state` of a snapshot as JSON. Open runs are a list, since their order is the order of their claims.

    `v` and `seq` stand in here again because the checksum is over the state: a flipped bit in them would lose records.
    """
    return {
        "v": VERSION,
        "seq": seq,
        "jobs": encode(ledger.jobs),
        "runs": [encode(run) for run in ledger.runs.values()],
        "pause": encode(ledger.pause),
        "limits": encode(ledger.limits),
    }


def render(ledger: Ledger, seq: int) -> bytes:
    """The bytes of `state.json`."""
    state = canonical(state_of(ledger, seq))
    digest = hashlib.sha256(state).hexdigest()
    return b'{"v":%d,"seq":%d,"sha256":"%b","state":%b}\n' % (VERSION, seq, digest.encode(), state)


def read(data: bytes) -> Snapshot:
    """The snapshot in the bytes of a `state.json`; raises Unreadable when it is damaged, NewerFormat when it is too new."""
    document = parse(data)
    if not isinstance(document, dict) or not isinstance(document.get("state"), dict):
        raise Unreadable("it is not a snapshot")
    state = document["state"]
    try:
        written = canonical(state)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    if hashlib.sha256(written).hexdigest() != document.get("sha256"):
        raise Unreadable("its checksum does not match")
    version, seq = state.get("v"), state.get("seq")
    if type(version) is not int or type(seq) is not int or (document.get("v"), document.get("seq")) != (version, seq):
        raise Unreadable("its head does not match its state")
    check_version(version)
    try:
        return Snapshot(_ledger(upgrade_state(version, state)), seq, version)
    except (NotDecodable, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unreadable(f"its state can't be read: {error}") from None


def _ledger(state: dict[str, Any]) -> Ledger:
    runs: tuple[Run, ...] = decode(tuple[Run, ...], state["runs"])
    jobs: dict[JobId, JobState] = decode(dict[JobId, JobState], state["jobs"])
    limits: dict[str, Limit] = decode(dict[str, Limit], state.get("limits", {}))  # an older version knew none
    return Ledger(jobs, {run.id: run for run in runs}, decode(Pause | None, state["pause"]), limits)

"""Trust: what a person reads before a repository may run jobs on this machine, the record of the answer, and taking it back."""

from __future__ import annotations

from dataclasses import dataclass

from octojobs.actions.asking import wake, who
from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.config.approval import Plan, approve, approved
from octojobs.config.contents import Contents
from octojobs.config.proposal import difference, what_runs
from octojobs.config.trust import Level
from octojobs.errors import NotTrusted


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `allow` asks about: `lines`, one for each thing that would be executed, and `diff`, what changed since the approved plan.

    `diff` is "" at level `repository`, and where the plan is the approved one. `known` says whether all of it is allowed already.
    """

    level: Level
    source: str
    lines: tuple[str, ...]
    diff: str
    known: bool
    plan: Plan


def propose(workspace: Workspace, level: Level | None = None) -> Proposal:
    """What would be allowed; `level` defaults to the one that is recorded, else `repository`.

    Raises InvalidDefinitions when the definitions can't be read: nobody can say what they would run.
    """
    recorded = _recorded(workspace)
    wanted = level or (recorded.level if recorded else Level.REPOSITORY)
    definitions = workspace.definitions
    contents = Contents(workspace.source)
    plan = Plan(definitions.source, contents.look(), contents.source.jobs_file)
    before = approved(workspace.repository) if recorded and recorded.level is Level.PLAN else None
    diff = difference(before.files if before else {}, plan.files) if wanted is Level.PLAN else ""
    known = recorded is not None and recorded.level is wanted and not (wanted is Level.PLAN and (diff or before is None))
    return Proposal(wanted, definitions.source, what_runs(definitions), diff, known, plan)


def allow(workspace: Workspace, proposal: Proposal) -> None:
    """Record that the user allows what was proposed, and tell the daemon."""
    trust.allow(workspace.repository, proposal.level, now=workspace.clock.now(), by=who())
    if proposal.level is Level.PLAN:
        approve(workspace.repository, proposal.plan)
    wake(workspace, workspace.holder())


def deny(workspace: Workspace) -> bool:
    """Take the trust back; whether there was any. A daemon that runs goes on until it is stopped."""
    known = trust.deny(workspace.repository)
    wake(workspace, workspace.holder())
    return known


def _recorded(workspace: Workspace) -> trust.Trust | None:
    try:
        return trust.lookup(workspace.repository)
    except NotTrusted:
        # The record speaks of another repository, or can't be relied on: as if there were none, a new one replaces it.
        return None

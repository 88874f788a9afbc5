"""Trust: what a person reads before a repository may run jobs on this machine, the record of the answer, and taking it back."""

from __future__ import annotations

from dataclasses import replace

from octojobs.actions.asking import wake, who
from octojobs.actions.workspace import HEAD, Workspace
from octojobs.config import trust
from octojobs.config.approval import Plan, approve, approved
from octojobs.config.contents import Contents
from octojobs.config.pin_diff import pins_difference, pins_shown
from octojobs.config.pins import PinFinder
from octojobs.config.proposal import difference, what_runs
from octojobs.config.source import WORKTREE
from octojobs.config.trust import Level
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
from octojobs.signatures import read_signers, signers_file
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `allow` asks about: `lines`, one for each thing that would be executed, and `diff`, what changed since the approved plan.

    `diff` is "" at level `repository`, and where the plan is the approved one. `pins` has a line for each script that jobs name,
    at the levels that pin them. `known` says whether all of it is allowed already.
    `read_from` is where definitions are to be read from from now on, unless somebody says otherwise; None for HEAD.
    """

    level: Level
    source: str
    read_from: str | None
    lines: tuple[str, ...]
    pins: tuple[str, ...]
    diff: str
    known: bool
    plan: Plan


def propose(workspace: Workspace, level: Level | None = None, read_from: str | None = None) -> Proposal:
    """What would be allowed; `level` and `read_from` default to what is recorded, else `repository` and HEAD.

    Raises InvalidDefinitions when the definitions can't be read: nobody can say what they would run.
    """
    recorded = workspace.allowed
    wanted = level or (recorded.level if recorded else Level.REPOSITORY)
    definitions = workspace.loaded.definitions
    if definitions is None:
        raise InvalidDefinitions(workspace.loaded.problems)
    kept = recorded.source if recorded else None
    source = kept if read_from is None else None if read_from == HEAD else read_from
    if wanted is Level.SIGNED:
        _check_signable(workspace)
    contents = Contents(workspace.source)
    plan = Plan(definitions.source, contents.look(), contents.source.jobs_file)
    if contents.source.name != definitions.source:
        raise OctojobsError("another commit came while the definitions were read", "run `octojobs allow` again")
    before = approved(workspace.repository) if recorded and recorded.level.keeps_plan else None
    diff = ""
    shown: tuple[str, ...] = ()
    if wanted.keeps_plan:
        pins = PinFinder(workspace.repository).find(definitions.source, (definitions,))
        plan, shown = replace(plan, pins=pins.files), pins_shown(definitions, pins, workspace.repository)
        diff = _difference(workspace, before, plan)
    same = recorded is not None and (recorded.level, recorded.source) == (wanted, source)
    settled = before is not None and (before.listing, before.pins) == (plan.listing, plan.pins)
    known = same and (settled or not wanted.keeps_plan)
    return Proposal(wanted, definitions.source, source, what_runs(definitions), shown, diff, known, plan)


def _difference(workspace: Workspace, before: Plan | None, plan: Plan) -> str:
    """How the definitions, then the scripts, differ from those of the approved plan."""
    files = difference(before.files if before else {}, plan.files)
    return files + pins_difference(workspace.repository, before.pins if before else {}, plan.pins, plan.source)


def _check_signable(workspace: Workspace) -> None:
    """Raises OctojobsError where nothing could ever be vouched for: without signers, or without commits."""
    read_signers(signers_file(workspace.environ))
    if workspace.source.name == WORKTREE:
        raise UsageError("level signed is about commits, and these definitions are the working tree's", "commit them, or use level plan")


def allow(workspace: Workspace, proposal: Proposal) -> None:
    """Record that the user allows what was proposed, and tell the daemon."""
    trust.allow(workspace.repository, proposal.level, now=workspace.clock.now(), by=who(), source=proposal.read_from)
    if proposal.level.keeps_plan:
        approve(workspace.repository, proposal.plan)
    if workspace.allowed is not None:  # else no daemon runs
        wake(workspace, workspace.holder())


def deny(workspace: Workspace) -> bool:
    """Take the trust back; whether there was any. A daemon that runs ends within a second; its running jobs go on."""
    holder = workspace.holder() if workspace.allowed is not None else None
    known = trust.deny(workspace.repository)
    wake(workspace, holder)
    return known

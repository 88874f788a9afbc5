"""The repository's own: trust, hooks, agents, the daemon, and what octojobs keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator

from octojobs import __version__
from octojobs.actions import hooks
from octojobs.actions.checkup.finding import Finding, Level, ok, weak, wrong
from octojobs.actions.checkup.separation import separation
from octojobs.actions.foresight import facts_of
from octojobs.actions.hooks import HookState
from octojobs.actions.tasks import missing_note, place_of
from octojobs.actions.workspace import Workspace
from octojobs.conditions.judging import judge_jobs
from octojobs.config.files import SETTINGS_FILE
from octojobs.config.trust import Level as TrustLevel
from octojobs.config.trust import lookup
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.ledger import Ledger
from octojobs.core.when import ManualWhen
from octojobs.errors import NotTrusted, OctojobsError, StateDamaged
from octojobs.flows.queue import standing
from octojobs.signatures import read_signers, signers_file
from octojobs.store.outbox import standing as outbox_standing
from octojobs.store.requests import take
from octojobs.store.retention import run_folders
from octojobs.store.space import space
from octojobs.store.view import damage

NEARLY_FULL = 0.9
_HOOKS = {
    HookState.MISSING: ("no pre-commit hook checks the definitions", "`octojobs init` installs it"),
    HookState.PRE_COMMIT: ("the configuration of pre-commit does not name octojobs-validate", "`octojobs init` shows the lines"),
    HookState.NOT_INSTALLED: (".pre-commit-config.yaml names octojobs-validate, and no hook is installed", "`pre-commit install`"),
    HookState.FOREIGN: ("the pre-commit hook does not call octojobs", "add the line `octojobs hook pre-commit` to it"),
    HookState.OUTSIDE: ("core.hooksPath leads out of the repository, to hooks that do not call octojobs", "add `octojobs hook pre-commit`"),
}


def kept(workspace: Workspace) -> Iterator[Finding]:
    """All findings about the repository and what octojobs keeps of it."""
    yield _trust(workspace)
    state = hooks.hook_state(workspace)
    yield ok("hooks", "the pre-commit hook checks the definitions") if state is HookState.OURS else weak("hooks", *_HOOKS[state])
    yield _agents(workspace)
    yield from separation(workspace)
    yield from _daemon(workspace)
    yield from _state(workspace)
    yield _space(workspace)
    yield _history(workspace)
    if workspace.paths.outbox.exists():
        yield _outbox(workspace)
    if workspace.paths.tasks.exists():
        yield _tasks(workspace)


def damages(workspace: Workspace) -> tuple[str, ...]:
    """What of the state is damaged, in words."""
    return damage(workspace.paths)


def _tasks(workspace: Workspace) -> Finding:
    place = place_of(workspace)
    try:
        stand = standing(place, workspace.clock.now())
    except OctojobsError as error:
        return wrong("tasks", error.what, error.fix or "`octojobs task list` reads them anew from their files")
    counts = stand.counts
    if stand.missing:
        what, fix = missing_note(stand.missing, workspace.root / place.settings.folder).split("; ")
        return wrong("tasks", what, fix)
    told = [f"{counts[state]} {state}" for state in place.flow.states if counts.get(state)]
    return ok("tasks", ", ".join(told) or "none")


def _outbox(workspace: Workspace) -> Finding:
    try:
        pending, dead, letters = outbox_standing(workspace.paths)
    except StateDamaged as error:
        return wrong("notifications", error.what, error.fix)
    if not dead:
        return ok("notifications", f"{pending} waiting, none that could not be delivered")
    newest = letters[0]
    what = f"{dead} could not be delivered within a week, the last to {newest['channel']}: {newest['why']}"
    return weak("notifications", what, "mend the channel; what ends from then on is told")


def _trust(workspace: Workspace) -> Finding:
    try:
        trust = lookup(workspace.repository)
    except NotTrusted as error:
        return wrong("trust", error.what, error.fix)
    if trust is None:
        return weak("trust", "nobody has allowed this repository to run jobs here", "`octojobs allow` shows what would run, and asks")
    if trust.level is TrustLevel.SIGNED:
        try:
            read_signers(signers_file(workspace.environ))
        except OctojobsError as error:
            return wrong("trust", error.what, error.fix)
    return ok("trust", f"level {trust.level.value}, since {trust.allowed_at:%Y-%m-%dT%H:%M:%SZ}, by {trust.allowed_by}")


def _agents(workspace: Workspace) -> Finding:
    """As the guard sees them: it is asked, so that both say the same."""
    job = Job(JobId("doctor"), ManualWhen(), CommandAction(("true",)), conditions=(Condition("no_agents_running"),))
    (verdict,) = judge_jobs([job], facts_of(workspace, Ledger(), workspace.clock.now()))[job.id]
    return (
        ok("agents", verdict.evidence) if verdict.status != "unknown" else weak("agents", verdict.evidence, "guards that ask do not pass")
    )


def _daemon(workspace: Workspace) -> Iterator[Finding]:
    holder, vitals = workspace.holder(), workspace.vitals
    if holder is None:
        yield ok("daemon", "none runs")
        waiting = take(workspace.paths)
        if waiting:
            yield weak("requests", f"{len(waiting)} wait for a daemon", "`octojobs up` or `octojobs tick` takes them")
    elif holder.is_stopped:
        yield wrong("daemon", f"{holder} is stopped", f"`kill -CONT {holder.pid}` wakes it")
    elif vitals is not None and vitals.version != __version__:
        yield weak(
            "daemon", f"it runs version {vitals.version}, this is {__version__}", "`octojobs down`, then `octojobs up`; jobs carry on"
        )
    else:
        yield ok("daemon", str(holder))


def _state(workspace: Workspace) -> Iterator[Finding]:
    root = workspace.paths.root
    if not root.exists():
        yield ok("state", "nothing is recorded yet")
        return
    found = damages(workspace)
    for note in found:
        yield Finding(Level.WRONG, "state", note)  # says its own remedy, where there is one
    mode = root.stat().st_mode & 0o777
    if mode & 0o077:
        yield weak("state", f"others may look into {root}", f"`chmod 700 {root}`")
    elif not os.access(root, os.W_OK):
        yield wrong("state", f"{root} can't be written", "give it to the user that octojobs runs as")
    elif not found:
        yield ok("state", str(root))


def _space(workspace: Workspace) -> Finding:
    free = space(workspace.paths)
    place = f"{free} for {workspace.paths.root}"
    fix = f"make room there, keep less (`retention:` in {SETTINGS_FILE}), or choose another disk with --state-dir"
    if free.is_full:
        return wrong("space", f"{place}: nothing starts, and no end is recorded", fix)
    return weak("space", place, fix) if free.is_scarce else ok("space", place)


def _history(workspace: Workspace) -> Finding:
    retention = workspace.settings.retention
    size = sum(folder.size for folder in run_folders(workspace.paths)) if workspace.paths.runs.exists() else 0
    text = f"{size / 1e6:.1f} MB of output, {retention.bytes / 1e6:,.0f} MB are kept for {retention.days} days"
    if size > retention.bytes * NEARLY_FULL:
        return weak("history", text, "older runs go first; raise `retention: {bytes: …}` in .octopoid/octojobs.yaml to keep more")
    return ok("history", text)

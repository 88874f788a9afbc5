"""What a change does, told from the two commits alone: which jobs differ, and which due instants come, go or move."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from octojobs.actions.workspace import Workspace
from octojobs.commits import changed_paths
from octojobs.config.contents import Contents
from octojobs.config.loader import Loaded
from octojobs.config.source import PinnedSource
from octojobs.core.definitions import Definitions
from octojobs.core.difference import Difference, Side, difference
from octojobs.core.job import Job, Source
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.named_files import named_files
from octojobs.core.schedule import Never
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.when import ActivityWhen, AfterWhen
from octojobs.core.zones import zone
from octojobs.errors import InvalidDefinitions, OctojobsError, StateDamaged, UsageError
from octojobs.slotted import dataclass
from octojobs.views.comparison import ChangedJob, job_change_view, settings_changes
from octojobs.views.values import View, instant

_NOWHERE = Source("", 0)
_AFTER = "counts from the end of its last run, so no instant can be told beforehand"
_ACTIVITY = "its interval follows activity; these are the instants if nothing happens"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Two commits by the names that somebody gave them, and their ids."""

    base_name: str
    head_name: str
    base: str
    head: str


def compare(workspace: Workspace, span: str, days: int, start: datetime | None = None) -> View:
    """What the commits `BASE..HEAD` differ in, and what that does to the due instants of so many days from `start` (now).

    `BASE...HEAD` compares with the commit that both have grown from, as a pull request does. Only what the two commits hold is read,
    and the anchors of intervals that the state knows; one that it does not know counts from `start` on both sides.

    Raises UsageError for commits that are not here, InvalidDefinitions when those of HEAD can't be used.
    """
    revisions = resolve(workspace, span)
    base, note = _base(workspace, revisions)
    loaded = _loaded(workspace, revisions.head)
    if loaded.definitions is None:
        raise InvalidDefinitions(loaded.problems)
    head = loaded.definitions
    begin = (start or workspace.clock.now()).replace(microsecond=0)
    until = begin + timedelta(days=days)
    paths = changed_paths(workspace.repository, revisions.base, revisions.head)
    changed = [job_change_view(one) for one in _changed(workspace, base, head, paths, begin, until)]
    return {
        "base": {"name": revisions.base_name, "commit": revisions.base},
        "head": {"name": revisions.head_name, "commit": revisions.head},
        "from": instant(begin),
        "until": instant(until),
        "note": note,
        "added": sum(one["instants"]["added"]["count"] for one in changed),
        "removed": sum(one["instants"]["removed"]["count"] for one in changed),
        "moved": sum(one["instants"]["moved"]["count"] for one in changed),
        "jobs": changed,
        "settings": settings_changes(base.settings, head.settings),
    }


def resolve(workspace: Workspace, span: str) -> Revisions:
    """The two commits of `BASE..HEAD` or `BASE...HEAD`; a name that is left out is HEAD."""
    dots = "..." if "..." in span else ".."
    if dots not in span:
        raise UsageError(f'"{span}" names one commit', "write two, such as origin/main..HEAD")
    base_name, head_name = (name or "HEAD" for name in span.split(dots, 1))
    base, head = _commit(workspace, base_name), _commit(workspace, head_name)
    if dots == "...":
        common = workspace.repository.merge_base(base, head)
        if common is None:
            fix = f"fetch more of the history (`git fetch --unshallow`), or write {base_name}..{head_name}"
            raise UsageError(f"{base_name} and {head_name} have no common commit here", fix)
        return Revisions(f"the merge base of {base_name} and {head_name}", head_name, common, head)
    return Revisions(base_name, head_name, base, head)


def _commit(workspace: Workspace, name: str) -> str:
    commit = workspace.repository.commit_of(name)
    if commit is None:
        remote, _, branch = name.removeprefix("refs/remotes/").partition("/")
        fetch = f"git fetch --depth=1 {remote} +{branch}:refs/remotes/{name}" if branch else f"git fetch --depth=1 origin {name}"
        fix = f"this clone is shallow: `{fetch}`, in CI before this step" if workspace.repository.is_shallow() else "fetch it first"
        raise UsageError(f'there is no commit "{name}" here', fix)
    return commit


def _base(workspace: Workspace, revisions: Revisions) -> tuple[Definitions, str]:
    """The definitions before the change; none, and the reason, where they can't be used: everything is new then."""
    try:
        loaded = _loaded(workspace, revisions.base)
    except OctojobsError as error:
        return Definitions({}), f"the definitions of {revisions.base_name} can't be read ({error.what}): every job counts as added"
    if loaded.definitions is not None:
        return loaded.definitions, ""
    many = len(loaded.problems)
    return Definitions({}), f"the definitions of {revisions.base_name} have {many} problem{'s' * (many > 1)}: every job counts as added"


def _loaded(workspace: Workspace, commit: str) -> Loaded:
    """What a commit declares: nothing where it has no definition files."""
    source = PinnedSource(workspace.repository, commit, workspace.jobs_file)
    try:
        files = Contents(source).look()
    except InvalidDefinitions as refused:
        return Loaded(None, refused.problems)
    if not files:
        return Loaded(Definitions({}, source=commit), ())
    return workspace.loader.load(files, source=commit, jobs_file=source.jobs_file)


def _changed(
    workspace: Workspace, base: Definitions, head: Definitions, paths: Collection[str], start: datetime, until: datetime
) -> Iterator[ChangedJob]:
    """The jobs that differ, or that name one of the paths, in the order of HEAD; those that it has no more come last.

    One that only moved in its file is the same.
    """
    salt = workspace.salt()
    ledger = _ledger(workspace)
    for name in {**head.jobs, **base.jobs}:
        before, after = base.jobs.get(name), head.jobs.get(name)
        files = named_files(after, paths, head.settings, agents=head.agents) if before and after else ()
        if files or _plain(before) != _plain(after):
            instants, note = _instants(before, after, ledger.jobs.get(name), start, until, salt)
            yield ChangedJob(before, after, instants, note, files)


def _plain(job: Job | None) -> tuple[object, ...] | None:
    return None if job is None else (replace(job, source=_NOWHERE),)


def _ledger(workspace: Workspace) -> Ledger:
    """What is known of anchors; in CI nothing is."""
    try:
        return workspace.ledger()
    except (StateDamaged, OSError):
        return Ledger()


def _instants(
    before: Job | None, after: Job | None, state: JobState | None, start: datetime, until: datetime, salt: str
) -> tuple[Difference, str]:
    old, known = _side(before, state, start, salt)
    new, _ = _side(after, known, start, salt, is_new=before is None)
    either = after or before
    assert either is not None
    whens = [job.when for job in (before, after) if job is not None]
    note = _AFTER if any(isinstance(when, AfterWhen) for when in whens) else ""
    note = note or (_ACTIVITY if any(isinstance(when, ActivityWhen) for when in whens) else "")
    return difference(old, new, until, zone(either.timezone)), note


def _side(job: Job | None, state: JobState | None, start: datetime, salt: str, *, is_new: bool = False) -> tuple[Side, JobState | None]:
    """The schedule of a job that is seen at `start`, and what is known of it from then on."""
    sighted = sight(job, state, start).state if job is not None else None
    if job is None or sighted is None or isinstance(job.when, AfterWhen):
        return Side(Never(), start), state
    # What an earlier cursor has still to settle lies before the span; an interval that is new is due at once, in it.
    cursor = sighted.cursor if is_new and state is None else max(sighted.cursor, start)
    return Side(schedule_of(job, sighted, start, salt), cursor), sighted

"""Which separation there really is: of jobs from the user's working tree, and what runs have left behind in their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from octojobs.actions.asking import who
from octojobs.actions.checkup.finding import Finding, ok, weak, wrong
from octojobs.actions.workspace import Workspace
from octojobs.core.job import Job, TaskAction
from octojobs.core.sandbox import Backend
from octojobs.errors import OctojobsError
from octojobs.runners.sandbox.bubblewrap import Unusable
from octojobs.runners.sandbox.containers import is_missing, require_engine
from octojobs.runners.sandbox.enclosure import require_usable
from octojobs.runners.sandbox.trees import is_held, leftovers

_WHERE = {
    Backend.NONE: "in the working tree, without a sandbox",
    Backend.WORKTREE: "in worktrees of their own",
    Backend.BUBBLEWRAP: "in a bubblewrap sandbox",
    Backend.DOCKER: "in docker containers",
    Backend.PODMAN: "in podman containers",
}


def separation(workspace: Workspace) -> Iterator[Finding]:
    """How many jobs run where, and the worktrees that wait to be taken in."""
    yield ok("separation", f"jobs run as {who(workspace.environ)}, {_places(workspace)}")
    yield from _backends(workspace)
    try:
        left = [path for _, path in leftovers(workspace.repository, workspace.paths) if not is_held(path)]
    except (OctojobsError, OSError) as error:
        yield weak("worktrees", f"what killed runs have left can't be told: {error}", "look into `git worktree list`")
        return
    if left:
        named = ", ".join(path.name for path in left)
        fix = f"the next run in a sandbox keeps what is in them, or says why it can't; they are in {workspace.paths.worktrees}"
        yield weak("worktrees", f"{len(left)} left by runs that were killed: {named}", fix)


def _backends(workspace: Workspace) -> Iterator[Finding]:
    """Whether what jobs ask for can be had on this machine; bubblewrap is tried."""
    for backend in (Backend.BUBBLEWRAP, Backend.DOCKER, Backend.PODMAN):
        if not _counts(workspace)[backend]:
            continue
        try:
            if backend is Backend.BUBBLEWRAP:
                require_usable(backend, workspace.environ)
                told = "a sandbox can be made"
            else:
                told = f"its engine answers: {require_engine(backend, workspace.environ)}"
        except Unusable as unusable:
            yield wrong(backend.value, unusable.what, unusable.fix)
        else:
            yield ok(backend.value, told)
            for image in dict.fromkeys(job.apart.image for job in _apart(workspace) if job.apart.backend is backend and job.apart.image):
                if is_missing(backend, image, workspace.environ):
                    yield weak(
                        backend.value,
                        f"there is no image {image} here",
                        f"`{backend.value} pull` or build it; the first run tries to pull it",
                    )


def _apart(workspace: Workspace) -> Iterator[Job]:
    definitions = workspace.loaded.definitions
    jobs = definitions.jobs.values() if definitions is not None else ()
    return (job for job in jobs if not isinstance(job.action, TaskAction))


def _counts(workspace: Workspace) -> Counter[Backend]:
    return Counter(job.apart.backend for job in _apart(workspace))


def _places(workspace: Workspace) -> str:
    counts = _counts(workspace)
    used = [backend for backend in Backend if counts[backend]]
    if len(used) <= 1:
        return _WHERE[used[0] if used else Backend.NONE]
    return "; ".join(f"{counts[backend]} {_WHERE[backend]}" for backend in used)

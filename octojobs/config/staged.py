"""What is wrong with the definitions that are about to be committed: the work of `octojobs hook pre-commit`."""

from __future__ import annotations

from octojobs.config.contents import Contents
from octojobs.config.files import folders, holds_jobs, is_definition
from octojobs.config.loader import Loader
from octojobs.config.source import IndexSource, committed
from octojobs.errors import InvalidDefinitions, Problem, Severity
from octojobs.repository import Repository


def check_staged(repository: Repository, loader: Loader, jobs_file: str | None = None) -> tuple[Problem, ...]:
    """The problems of what is staged in the worktree that `repository` was discovered in, warnings among them.

    Empty when the commit changes no definition file: work on something else is not held up by what is there already.
    The index of `git commit -a` and `git commit FILE` is read where git says it is (`Repository.index_file`).
    """
    source = IndexSource(repository, jobs_file)
    try:
        files = Contents(source).look()
    except InvalidDefinitions as refused:
        return refused.problems
    before = _committed(repository, source.jobs_file)
    if before == {path: oid for path, (oid, _) in files.items()}:
        return ()
    unmerged = repository.unmerged((*folders(source.jobs_file), source.jobs_file))
    if waiting := [path for path in unmerged if is_definition(path, source.jobs_file)]:
        return tuple(Problem(path, 0, 0, "the file is not merged yet", "resolve the conflict, then `git add` it") for path in waiting)
    if any(holds_jobs(path) for path in files):
        return loader.load(files, source=source.name, jobs_file=source.jobs_file).problems
    if not any(holds_jobs(path) for path in before or ()):
        return ()
    what = "this commit takes the jobs away; a running daemon keeps the last good ones"
    return (Problem(source.jobs_file, 0, 0, what, "`jobs: {}` says that there are none", Severity.WARNING),)


def _committed(repository: Repository, jobs_file: str) -> dict[str, str] | None:
    """The definition files of this worktree's HEAD; None when they can't be compared with."""
    commit = repository.head(repository.worktree).commit
    if commit is None:
        return {}
    try:
        return committed(repository, commit, jobs_file)
    except InvalidDefinitions:
        return None

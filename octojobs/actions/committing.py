"""The commit of files that a verb has just written, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from octojobs.errors import GitFailed, OctojobsError
from octojobs.repository import Repository


def commit_written(repository: Repository, paths: Sequence[str], message: str) -> str:
    """The new commit's id. Raises OctojobsError, saying that the files stay as written, when git refuses."""
    try:
        return repository.commit(paths, message)
    except GitFailed as refused:
        what = f"{', '.join(paths)} {'is' if len(paths) == 1 else 'are'} written and not committed: {refused.what}"
        raise OctojobsError(what, refused.fix or "mend that, then `git commit`") from refused

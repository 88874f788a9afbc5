"""The jobs of a scheduler by their ids: a mapping that a program adds to and takes from."""

from __future__ import annotations

from collections import UserDict

from octojobs.embedded.definition import InvalidValue
from octojobs.embedded.job import Job
from octojobs.errors import Problem


class Jobs(UserDict[str, Job]):
    """`jobs[job.id] = job` adds a job, `del` takes it away; any thread may do so while the scheduler runs.

    Raises TypeError for what is no Job, and InvalidValue for another key than the job's id, or for one that differs
    from another job's by case alone (ids are names of folders).
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        super().__init__()

    def __setitem__(self, key: str, job: Job) -> None:
        if not isinstance(job, Job):
            raise TypeError(f"jobs[{key!r}] must be an octojobs.Job, not {type(job).__name__}")
        if key != job.id:
            raise InvalidValue([Problem("", 0, 0, f'jobs["{key}"] is given job "{job.id}"', "write jobs[job.id] = job")])
        other = self._names.setdefault(key.lower(), key)
        if other != key:
            what = f'job "{key}": another job has this name, "{other}"'
            raise InvalidValue([Problem("", 0, 0, what, "rename one of them (upper and lower case are the same here)")])
        super().__setitem__(key, job)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        del self._names[key.lower()]

    def same(self, name: str) -> str | None:
        """The id of the job with this name, upper and lower case being the same; None when there is none."""
        return self._names.get(name.lower())

    def all(self) -> list[Job]:
        """The jobs now, in the order in which they came."""
        return list(self.data.values())

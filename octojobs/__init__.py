"""Cron for a repository, and for the agents that work in it.

`import octojobs` loads nothing else; the public names are fetched when they are first asked for.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # typing's own costs 5 ms; type checkers know the name
if TYPE_CHECKING:
    from octojobs.core.job import Priority as Priority
    from octojobs.embedded.config import SchedulerConfig as SchedulerConfig
    from octojobs.embedded.job import Job as Job
    from octojobs.embedded.result import JobResult as JobResult
    from octojobs.embedded.scheduler import Scheduler as Scheduler
    from octojobs.embedded.scheduler import TaskScheduler as TaskScheduler
    from octojobs.facts.registered import condition as condition
    from octojobs.runners.context import JobContext as JobContext
    from octojobs.runners.context import NotEnqueued as NotEnqueued
    from octojobs.runners.context import job as job

_HOMES = {
    "Job": "octojobs.embedded.job",
    "JobResult": "octojobs.embedded.result",
    "Priority": "octojobs.core.job",
    "Scheduler": "octojobs.embedded.scheduler",
    "SchedulerConfig": "octojobs.embedded.config",
    "TaskScheduler": "octojobs.embedded.scheduler",
    "JobContext": "octojobs.runners.context",
    "condition": "octojobs.facts.registered",
    "NotEnqueued": "octojobs.runners.context",
    "job": "octojobs.runners.context",
}


def __getattr__(name: str) -> object:
    """A public name from the module where it lives (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'octojobs' has no attribute {name!r}")
    from importlib import import_module  # lazily: importing octojobs imports nothing else

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

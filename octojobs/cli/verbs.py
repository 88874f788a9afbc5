"""The table of verbs: what `octojobs --help` lists, and where each verb is written, so that no verb pays for another's imports."""

from __future__ import annotations

from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A verb: its section in the help, the line that says what it does, the module of `cli/commands` that has it as `command`.

    `alias_of` names the verb that this one is another name for: it is left out of the help.
    """

    section: str
    summary: str
    module: str
    alias_of: str = ""


START, LOOK, EDIT, OPERATE = "Start and stop", "Look", "Edit", "Operate"
TASKS, CARE = "Tasks", "Trust and care"

VERBS: dict[str, Entry] = {
    "init": Entry(START, "write .octopoid/jobs.yaml and the git hook, and trust this repository", "init"),
    "up": Entry(START, "run the daemon", "up"),
    "down": Entry(START, "stop the daemon; running jobs carry on", "down"),
    "tick": Entry(START, "one pass, then exit: for cron, launchd, CI", "tick"),
    "status": Entry(LOOK, "everything in one screen; exit 1 when something is wrong", "status"),
    "list": Entry(LOOK, "the jobs that are declared", "list"),
    "inspect": Entry(LOOK, "one job: every field, where it stands, how it went", "inspect"),
    "next": Entry(LOOK, "the coming due instants", "next"),
    "plan": Entry(LOOK, "what a tick would decide now, or what a change does", "plan"),
    "simulate": Entry(LOOK, "a span played through: what would run, wait, be skipped or missed", "simulate"),
    "why": Entry(LOOK, "why a job ran or did not, from the record", "why"),
    "runs": Entry(LOOK, "the runs so far, and the due instants that ended without one", "runs"),
    "logs": Entry(LOOK, "the output of a run", "logs"),
    "agent": Entry(LOOK, "the agents that may be asked, by jobs or by hand, and what they have used", "agent"),
    "validate": Entry(EDIT, "check the definitions in the working tree", "validate"),
    "create": Entry(EDIT, "add a job to the jobs file", "create"),
    "delete": Entry(EDIT, "remove a job from the jobs file", "delete"),
    "enable": Entry(EDIT, "let a job run again, in the jobs file", "enable"),
    "disable": Entry(EDIT, "stop a job, in the jobs file", "disable"),
    "import": Entry(EDIT, "jobs from a crontab, tasks-loop, kjob or octopoid", "import_"),
    "export": Entry(EDIT, "units for systemd, agents for launchd, lines for cron", "export"),
    "run-now": Entry(OPERATE, "ask for a run of a job", "run_now"),
    "run": Entry(OPERATE, "the same as run-now", "run_now", alias_of="run-now"),
    "pause": Entry(OPERATE, "start nothing, of one job or of all", "pause"),
    "resume": Entry(OPERATE, "end a pause", "resume"),
    "cancel": Entry(OPERATE, "end a run, or all open runs of a job", "cancel"),
    "retry": Entry(OPERATE, "run the job of a finished run again", "retry"),
    "enqueue": Entry(TASKS, "put a task into the queue", "enqueue"),
    "task": Entry(TASKS, "list, show, claim, finish, requeue and restore tasks", "task"),
    "lease": Entry(TASKS, "who holds what: list, take and release leases", "lease"),
    "allow": Entry(CARE, "let this repository's jobs run on this machine", "allow"),
    "deny": Entry(CARE, "take that back", "deny"),
    "doctor": Entry(CARE, "what is wrong or weak here, each with its remedy", "doctor"),
    "hook": Entry(CARE, "what the git hooks call", "hook"),
    "completion": Entry(CARE, "shell completion", "completion"),
}

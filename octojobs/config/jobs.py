"""One job's mapping to the frozen `Job`, its defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, NamedTuple

from octojobs.config import actions, policies, whens
from octojobs.config.declared import Declared
from octojobs.config.entries import Entry, Fields
from octojobs.config.guards import guards
from octojobs.config.holds import hold
from octojobs.config.parsers import environment, folder, period, texts, variable_names, zone_name
from octojobs.config.references import Reference, references
from octojobs.config.sandboxes import sandbox
from octojobs.config.schema import Refusal, check
from octojobs.config.telling import notify, output, ping
from octojobs.core.definitions import AGENTS_POOL
from octojobs.core.job import NOBODY, AgentAction, Job, OnUnknown, Priority, Source, WhenBlocked
from octojobs.errors import Problem
from octojobs.slotted import dataclass

# What is also accepted, and the field that it is.
SYNONYMS = {"interval_seconds": "interval", "timeout_seconds": "timeout"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the jobs of a file have that don't say otherwise; `content` tells two that mean different things apart."""

    timezone: str = "UTC"
    entries: Mapping[str, Entry] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    content: str = ""

    def same_as(self, other: Defaults) -> bool:
        """Whether jobs come out the same under both."""
        return (self.timezone, self.env, self.content) == (other.timezone, other.env, other.content)


class Built(NamedTuple):
    """A job, when it is right; and what it names in other places."""

    job: Job | None
    problems: tuple[Problem, ...]
    references: tuple[Reference, ...] = ()


def build(declared: Declared, defaults: Defaults) -> Built:
    """The job of one declaration, or all that is wrong with it."""
    here = declared.entry
    refused = check(here, "jobs", "job")
    own = own_fields(here, refused)
    fields = Fields({**defaults.entries, **own.entries}, own.problems, own.broken, own.meant)
    timezone = fields.read("timezone", zone_name, defaults.timezone)
    when = whens.when(fields, own, here, timezone)
    action = actions.action(fields, own, here)
    surroundings = common(fields, own)
    env = {**defaults.env, **own.read("env", environment, {})}
    _check_secrets(own, {*env, *surroundings["pass_env"]})
    named = tuple(references(declared.id, fields, timezone))
    problems = dict.fromkeys([*refused.problems, *fields.problems])
    if when is None or action is None or problems:
        return Built(None, tuple(problems), named)
    source = Source(here.document.path, here.mark.key_line)
    title = fields.plain("title", declared.title)
    pool = fields.plain("pool", AGENTS_POOL if isinstance(action, AgentAction) else "")
    job = Job(declared.id, when, action, source, title, timezone=timezone, env=env, pool=pool, **surroundings)
    return Built(job, (), named)


def own_fields(entry: Entry, refused: Refusal) -> Fields:
    """The fields that stand in the mapping itself, by their proper names; `x-` ones are left out."""
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for key in entry.value:
        name = SYNONYMS.get(key, key)
        if name in entries:
            problems.append(entry.at(key).problem_at_key(f"{entries[name].key} and {key} are both given", "keep one of them"))
        elif key not in refused.keys and not key.startswith("x-"):
            entries[name] = entry.at(key)
    broken = frozenset([SYNONYMS.get(key, key) for key in refused.keys]) if refused.keys else refused.keys
    return Fields(entries, problems, broken, refused.meant)


def common(fields: Fields, own: Fields) -> dict[str, Any]:
    """What a job and `defaults` have in common, by the names of `Job`; problems are noted in `fields`."""
    overlap, max_instances = policies.overlap(fields, own)
    catch_up, catch_up_window_s = policies.catch_up(fields, own)
    return {
        "description": fields.plain("description", ""),
        "tags": fields.read("tags", texts, ()),
        "enabled": fields.plain("enabled", True),
        "jitter_s": fields.read("jitter", period, 0),
        "conditions": fields.read("conditions", guards, ()),
        "when_blocked": WhenBlocked(fields.plain("when_blocked", WhenBlocked.WAIT)),
        "on_unknown": OnUnknown(fields.plain("on_unknown", OnUnknown.SKIP)),
        "hold": fields.read("hold", hold, None),
        "limits": policies.limits(fields),
        "overlap": overlap,
        "max_instances": max_instances,
        "catch_up": catch_up,
        "catch_up_window_s": catch_up_window_s,
        "start_deadline_s": fields.read("start_deadline", period, None),
        "priority": Priority(fields.plain("priority", Priority.MEDIUM)),
        "group": fields.plain("group", ""),
        "retries": policies.retries(fields, own),
        "pause_after": fields.plain("pause_after", None),
        "run_when_paused": fields.plain("run_when_paused", False),
        "cwd": fields.read("cwd", folder, "."),
        "pass_env": fields.read("pass_env", variable_names, ()),
        "secrets": fields.read("secrets", variable_names, ()),
        "python": fields.plain("python", ""),
        "sandbox": fields.read("sandbox", sandbox, None),
        "on_start": policies.follow_up(fields, "on_start"),
        "on_success": policies.follow_up(fields, "on_success"),
        "on_failure": policies.follow_up(fields, "on_failure"),
        "notify": fields.read("notify", notify, NOBODY),
        "output": fields.read("output", output, ""),
        "ping": fields.read("ping", ping, None),
    }


def _check_secrets(own: Fields, plain: set[str]) -> None:
    """A secret that is also a plain variable would be one or the other by chance."""
    if "secrets" in own:
        for item in own.entries["secrets"].items():
            if item.value in plain:
                own.problems.append(item.problem(f"{item.value} is in env or pass_env too", "keep one of them"))

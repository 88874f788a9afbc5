"""What surrounds a run: its limits, retries, overlap, catching up, and what follows it."""

from __future__ import annotations

from functools import lru_cache

from octojobs.config.entries import Entry, Fields
from octojobs.config.parsers import command, duration, period, size, texts
from octojobs.config.tasks import task
from octojobs.core.identity import InvalidId, JobId
from octojobs.core.job import NOTHING, Backoff, CatchUp, CommandAction, FollowUp, Limits, Overlap, RetryPolicy

_DAY_S = 86_400
_NO_FOLLOW_UP = NOTHING
# Thousands of jobs have the same few policies: each is kept once.
_limits = lru_cache(1024)(Limits)
_retry_policy = lru_cache(1024)(RetryPolicy)


def limits(fields: Fields) -> Limits:
    """Bounds of one attempt."""
    plain = _limits()
    return _limits(
        timeout_s=fields.read("timeout", period, plain.timeout_s),
        idle_timeout_s=fields.read("idle_timeout", period, plain.idle_timeout_s),
        kill_grace_s=fields.read("kill_grace", duration, plain.kill_grace_s),
        max_output=fields.read("max_output", size, plain.max_output),
    )


def retries(fields: Fields, own: Fields) -> RetryPolicy:
    """`retries` and `max_retries` together: the number may be given in either, and the job's own counts."""
    policy = fields.read("retries", _policy, _retry_policy())
    given = fields.entries.get("retries")
    if "max_retries" in own and "retries" in own and "max" in own.entries["retries"].value:
        fields.problems.append(own.entries["max_retries"].problem_at_key("retries.max and max_retries are both given", "keep one of them"))
    elif "max_retries" in fields and ("max_retries" in own or "retries" not in own):
        policy = _replace_max(policy, fields.plain("max_retries", 0))
    elif given is not None and "retries" in own and "max" not in given.value:
        fields.problems.append(given.problem("does not say how often", "add `max:`"))
    return policy


def _replace_max(policy: RetryPolicy, count: int) -> RetryPolicy:
    return _retry_policy(count, policy.backoff, policy.delay_s, policy.max_delay_s, policy.jitter, policy.on, policy.exit_codes)


def _policy(entry: Entry) -> RetryPolicy:
    value, plain = entry.value, _retry_policy()
    delay = float(duration(entry.at("delay"))) if "delay" in value else plain.delay_s
    longest = float(duration(entry.at("max_delay"))) if "max_delay" in value else max(plain.max_delay_s, delay)
    if longest < delay:
        raise entry.at("max_delay").invalid("is shorter than the delay", "write the longest delay, or remove it")
    outcomes = tuple(value.get("on", plain.on))
    codes = tuple(value.get("exit_codes", ()))
    if codes and "failed" not in outcomes:
        raise entry.at("exit_codes").invalid("narrows `failed`, which `on` leaves out", "add failed to `on`, or remove the exit codes")
    backoff = Backoff(value.get("backoff", plain.backoff))
    return _retry_policy(value.get("max", plain.max), backoff, delay, longest, value.get("jitter", plain.jitter), outcomes, codes)


def overlap(fields: Fields, own: Fields) -> tuple[Overlap, int]:
    """The policy and how many runs at a time it allows.

    What triggers a job does not come again by itself: by default it waits while a run is open, each tag and each task for itself.
    """
    on = own.entries["on"].value if "on" in own else {}
    default = Overlap.QUEUE_ALL if {"tag", "task"} & on.keys() else Overlap.QUEUE_ONE
    policy = Overlap(fields.plain("overlap", default if on else Overlap.SKIP))
    if policy is Overlap.ALLOW:
        if "max_instances" not in fields:
            fields.problems.append(fields.entries["overlap"].problem("allow without a bound", "add `max_instances:`"))
        return policy, fields.plain("max_instances", 1)
    if "max_instances" in own:
        entry = own.entries["max_instances"]
        fields.problems.append(entry.problem_at_key("max_instances belongs to `overlap: allow`", "add that, or remove it"))
    return policy, 1


def catch_up(fields: Fields, own: Fields) -> tuple[CatchUp, int | None]:
    """The policy and how far back it reaches, in seconds; None means without a bound."""
    policy = CatchUp(fields.plain("catch_up", CatchUp.LATEST))
    if policy is CatchUp.NONE:
        if "catch_up_window" in own:
            entry = own.entries["catch_up_window"]
            fields.problems.append(entry.problem_at_key("catch_up_window needs `catch_up: latest` or `all`", "remove it"))
        return policy, None
    return policy, fields.read("catch_up_window", period, _DAY_S if policy is CatchUp.ALL else None)


def follow_up(fields: Fields, name: str) -> FollowUp:
    """`on_start`, `on_success` or `on_failure`: a command, by the job's shell, the name of a job, a task, or channels."""
    entry = fields.entries.get(name)
    if entry is None:
        return _NO_FOLLOW_UP
    if "run" in entry.value:
        return fields.read(name, _job_named, _NO_FOLLOW_UP)
    if "enqueue" in entry.value:
        wanted = fields.read(name, lambda given: task(given.at("enqueue")), None)
        return FollowUp(enqueue=wanted) if wanted is not None else _NO_FOLLOW_UP
    if "notify" in entry.value:
        return FollowUp(notify=fields.read(name, lambda given: texts(given.at("notify")), ()))
    if "command" not in entry.value:  # only keys that begin with x-
        fields.problems.append(entry.problem("says nothing about what it does", "add `command:`, `run:`, `enqueue:` or `notify:`"))
        return _NO_FOLLOW_UP
    argv = fields.read(name, lambda given: command(given.at("command")), None)
    if argv is None:
        return _NO_FOLLOW_UP
    shell = fields.plain("shell", "sh") if isinstance(argv, str) else "sh"
    return FollowUp(command=CommandAction(argv, shell))


def _job_named(entry: Entry) -> FollowUp:
    try:
        return FollowUp(run=JobId(entry.value["run"]))
    except InvalidId:
        return _NO_FOLLOW_UP  # no job is called that: told in references.py

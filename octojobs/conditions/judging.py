"""Judges the guards of many runs at once: one look at the facts that they name, then a verdict for each guard."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from octojobs.conditions.base import ConditionType, Moment
from octojobs.conditions.held import hold_key, judge_hold
from octojobs.conditions.registry import get
from octojobs.core.agent_names import agent_of
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition, Status, Verdict, conditions_in, evaluate_all
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import AgentAction, Job
from octojobs.core.run import Run
from octojobs.facts.fact import Fact, FactContext, FactKey, Unknown, one_line
from octojobs.facts.gather import gather

log = logging.getLogger(__name__)


def judge(runs: Sequence[Run], context: FactContext) -> dict[RunId, tuple[Verdict, ...]]:
    """The verdict of each guard of each run, in the order of its definition, then that of its hold.

    Facts are gathered once for all. Never raises.

    Of a forced run nobody asks the guards.
    """
    facts = _facts_of([run.definition for run in runs], context)
    return {run.id: _verdicts(run.definition, facts, context, run.id, forced=run.forced) for run in runs}


def judge_jobs(jobs: Sequence[Job], context: FactContext) -> dict[JobId, tuple[Verdict, ...]]:
    """As `judge`, for jobs without a run: what their guards would say now."""
    facts = _facts_of(jobs, context)
    return {job.id: _verdicts(job, facts, context) for job in jobs}


def argument_problems(condition: Condition, settings: Settings) -> list[str]:
    """What is wrong with a condition's name or arguments, in words; an empty list when it can be judged."""
    kind = get(condition.name, settings)
    if kind is None:
        return [f"there is no condition {condition.name!r}: declare it under conditions: in .octopoid/octojobs.yaml"]
    return [f"{condition.name}: {problem}" for problem in kind.check_args(condition.args)]


def _facts_of(jobs: Sequence[Job], context: FactContext) -> Mapping[FactKey, Fact]:
    keys = [key for job in jobs for condition in conditions_in(job.conditions) for key in _keys(condition, _moment(job, context), context)]
    return gather([*keys, *(hold_key(job.hold) for job in jobs if job.hold is not None)], context)


def _keys(condition: Condition, moment: Moment, context: FactContext) -> Iterator[FactKey]:
    kind = get(condition.name, context.settings)
    if kind is not None and not argument_problems(condition, context.settings) and (key := kind.fact(condition.args, moment)) is not None:
        yield key


def _moment(job: Job, context: FactContext) -> Moment:
    agent = agent_of(job.action) if isinstance(job.action, AgentAction) else ""
    return Moment(context.now, job.timezone, context.seen(job.id), job.id, agent)


def _verdicts(job: Job, facts: Mapping[FactKey, Fact], context: FactContext, run: str = "", *, forced: bool = False) -> tuple[Verdict, ...]:
    moment = _moment(job, context)
    guards = () if forced else job.conditions
    verdicts = evaluate_all(guards, lambda condition: _judge_one(condition, facts, moment, context.settings))
    if job.hold is None:
        return verdicts
    return (*verdicts, judge_hold(job.hold, facts[hold_key(job.hold)], moment, context, run))


def _judge_one(condition: Condition, facts: Mapping[FactKey, Fact], moment: Moment, settings: Settings) -> Verdict:
    """A run carries the definition that it was claimed with, so a condition may be gone from the settings meanwhile."""
    problems = argument_problems(condition, settings)
    kind = get(condition.name, settings)
    if problems or kind is None:
        return Verdict(Status.UNKNOWN, "; ".join(problems))
    try:
        return _judge_by(kind, condition, facts, moment)
    except Exception as error:  # noqa: BLE001 -- one guard's bug must stop neither the tick nor the other jobs
        why = one_line(f"{type(error).__name__}: {error}")
        log.warning("the condition %s can't be judged: %s", condition, why)
        return Verdict(Status.UNKNOWN, why)


def _judge_by(kind: ConditionType, condition: Condition, facts: Mapping[FactKey, Fact], moment: Moment) -> Verdict:
    key = kind.fact(condition.args, moment)
    if key is None:
        return kind.judge(condition.args, None, moment)
    match facts[key]:
        case Unknown(evidence):
            return Verdict(Status.UNKNOWN, evidence)
        case known:
            return kind.judge(condition.args, known.value, moment)

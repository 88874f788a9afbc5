"""Conditions of the repository's own: declared in `octojobs.yaml` as a command or a function, or registered by one of its modules."""

from __future__ import annotations

import json
from functools import partial

from octojobs.conditions import command
from octojobs.conditions.base import Args, ConditionType, Moment, no_args
from octojobs.core.definitions import DeclaredCondition
from octojobs.facts.fact import FactKey


def condition_type(declared: DeclaredCondition) -> ConditionType:
    """The guard that a declaration makes; a function takes the condition's arguments as keywords, a command takes none."""
    if declared.function is not None:
        summary = f"{declared.function} returns true"
        return ConditionType(declared.name, summary, lambda _: [], partial(_function_key, declared.function), command.judge)
    key = command.key_of(declared.command or "false")
    return ConditionType(declared.name, "its command exits with 0", no_args, lambda *_: key, command.judge)


def registered_type(name: str) -> ConditionType:
    """The guard that a function registered with `@octojobs.condition(name)` makes; whether there is one, only its modules know."""
    summary = "the function that is registered under this name returns true"
    return ConditionType(name, summary, lambda _: [], partial(_function_key, name), command.judge)


def _function_key(target: str, args: Args, _: Moment) -> FactKey:
    return FactKey("function", (target, json.dumps(dict(args), sort_keys=True)))

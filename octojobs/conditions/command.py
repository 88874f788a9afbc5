"""`command`: a command exits with 0."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.guards import Verdict
from octojobs.core.job import CommandAction
from octojobs.facts.commands import Answer
from octojobs.facts.fact import FactKey


def check_args(args: Args) -> list[str]:
    """`command` is a text for `sh -c`, or a list of words that runs without a shell."""
    problems = expect(args, ["command"])
    command = args.get("command", ":")
    words = [command] if isinstance(command, str) else command
    if not isinstance(words, (list, tuple)) or not words or not all(isinstance(word, str) for word in words) or not words[0]:
        problems.append("command: a text for sh -c, or a list of words")
    return problems


def key_of(command: str | tuple[str, ...] | list[str]) -> FactKey:
    """The fact of a command: its argument vector."""
    return FactKey("command", CommandAction(command if isinstance(command, str) else tuple(command)).argv)


def judge(_: Args, answer: Answer, __: Moment) -> Verdict:
    """As the command said."""
    return verdict(answer.holds, answer.evidence)


COMMAND = ConditionType("command", "the command exits with 0", check_args, lambda args, _: key_of(args["command"]), judge)

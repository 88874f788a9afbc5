"""Facts that a command or a function of the repository's own answers, each in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from octojobs.core.environment import narrowed
from octojobs.facts.fact import FactContext, Unreadable, one_line, reason_of
from octojobs.process import Completed, run
from octojobs.slotted import dataclass

TIMEOUT_S = 30.0
"""A guard is asked again every 30 s while a run waits: one that needs longer would be asked without end."""

MAX_OUTPUT = 100_000
_NO_COMMAND = {126: "it can't be executed", 127: "command not found"}  # POSIX, Shell Command Language, 2.8.2


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the guard holds, and what was said about it."""

    holds: bool
    evidence: str


def ask_command(argv: Sequence[str], context: FactContext) -> Answer:
    """Run a command in the main worktree: exit 0 holds.

    Raises Unreadable when it can't be started, is ended by a signal, or has not ended after 30 s: then nobody knows.
    """
    done = _run(argv, context)
    if done.exit_code is None or done.exit_code < 0:
        raise Unreadable(f"the command was ended by signal {-done.exit_code if done.exit_code else 0}{_last_line(done.stderr)}")
    if done.exit_code in _NO_COMMAND:
        raise Unreadable(f"exit {done.exit_code}, {_NO_COMMAND[done.exit_code]}{_last_line(done.stderr)}")
    return Answer(done.exit_code == 0, f"exit {done.exit_code}{_last_line(done.stderr) or _last_line(done.stdout)}")


def ask_function(target: str, arguments: str, context: FactContext) -> Answer:
    """Call `module:function` with keyword arguments (a JSON object) in the repository's python; it returns bool or (bool, evidence).

    A `target` without a colon is the name of one that a module of the settings' `modules` registers.
    Raises Unreadable when it can't be imported, raises, returns something else, or has not ended after 30 s.
    """
    host = Path(__file__).with_name("function_host.py")
    modules = () if ":" in target else context.settings.modules
    done = _run([_python(context), "-B", str(host), target, *modules], context, arguments.encode())
    try:
        reply = json.loads(done.stdout)
        error, holds, evidence = reply.get("error"), reply.get("holds"), reply.get("evidence")
    except (ValueError, AttributeError):
        raise Unreadable(f"{target} ended its process with exit {done.exit_code}{_last_line(done.stderr)}") from None
    if error is not None or not isinstance(holds, bool):
        raise Unreadable(f"{target}: {one_line(str(error))}" if ":" in target else one_line(str(error)))
    return Answer(holds, one_line(str(evidence)) if evidence else f"{target} returned {holds}")


def _python(context: FactContext) -> str:
    """The interpreter of script jobs: a name on PATH, or a path that is relative to the main worktree."""
    chosen = context.settings.python
    if not chosen:
        return sys.executable
    return str(context.root / Path(chosen).expanduser()) if "/" in chosen else chosen


def _run(argv: Sequence[str], context: FactContext, feed: bytes = b"") -> Completed:
    try:
        done = run(argv, cwd=context.root, env=narrowed(context.environ), timeout_s=TIMEOUT_S, input=feed, max_output=MAX_OUTPUT)
    except OSError as error:
        raise Unreadable(f"{one_line(argv[0])} can't be started: {reason_of(error)}") from None
    if done.timed_out:
        raise Unreadable(f"no answer within {TIMEOUT_S:g} s")
    return done


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return f": {one_line(lines[-1])}" if lines else ""

"""The files of the repository that a job names in what it executes, by their spelling alone.

What a script calls in its turn is not looked for, and neither is what stands behind a variable; `$OCTOJOBS_REPO` is the root.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from octojobs.core.agent import Agent
from octojobs.core.agent_names import agent_of, texts_of
from octojobs.core.definitions import DeclaredCondition, Settings
from octojobs.core.guards import conditions_in
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction

Command = str | Sequence[str]

_PATH = re.compile(r"[\w@%+.,/-]*[\w@%+,-]")
_ROOT = re.compile(r"\$(?:OCTOJOBS_REPO\b|\{OCTOJOBS_REPO\})")
_HERE = "/\N{REPLACEMENT CHARACTER}"
"""Stands for the root of the repository while a command is taken apart: no path begins so."""
_LONGEST = 4096
_NO_SETTINGS = Settings()
_NO_AGENTS: Mapping[str, Agent] = {}


def named_files(
    job: Job, paths: Collection[str], settings: Settings = _NO_SETTINGS, root: str = "", agents: Mapping[str, Agent] = _NO_AGENTS
) -> tuple[str, ...]:
    """Those of the paths (relative to the repository) that the job names in what it executes, sorted."""
    known = frozenset(paths)
    return tuple(sorted({path for path in spelled(job, settings, root, agents) if path in known}))


def spelled(job: Job, settings: Settings = _NO_SETTINGS, root: str = "", agents: Mapping[str, Agent] = _NO_AGENTS) -> Iterator[str]:
    """Every path that the job's command, function, prompt, conditions and follow-ups may mean, relative to the repository, normalised;
    and what the program of its agent does, if that is among `agents`.

    Most of them are no files. What lies outside of the repository is absolute, or begins with `..`. `root` is the repository's own
    path, "" when it doesn't matter: an absolute path below it is one of the repository's.

    >>> from octojobs.core.identity import JobId
    >>> from octojobs.core.when import ManualWhen
    >>> job = Job(JobId("a"), ManualWhen(), CommandAction(("bin/../run.sh", "-x")), cwd="ops")
    >>> sorted(set(spelled(job)))
    ['ops/-x', 'ops/run.sh']
    """
    yield from _paths(_words_of(job, settings, agents), root)


def spelled_by(command: Command, root: str = "") -> Iterator[str]:
    """As `spelled`, of a command that runs in the repository's root."""
    yield from _paths(((word, "") for word in _words(command)), root)


def _paths(words: Iterable[tuple[str, str]], root: str) -> Iterator[str]:
    for word, base in words:
        if 0 < len(word) <= _LONGEST and not {"\0", "\n"} & set(word):
            path = posixpath.normpath(_from_root(word, root) or posixpath.join(base, word))
            if path != ".":
                yield path


def _from_root(word: str, root: str) -> str:
    """What comes after the root in a path that begins with it; "" for another."""
    for start in (_HERE, root):
        if start and word.startswith(f"{start}/"):
            return word.removeprefix(f"{start}/")
    return ""


def _words_of(job: Job, settings: Settings, agents: Mapping[str, Agent]) -> Iterator[tuple[str, str]]:
    """The words, and the folder that each is relative to."""
    for command in _commands(job, agents):
        yield from ((word, job.cwd) for word in _words(command))
    for command in _guard_commands(job, settings):
        yield from ((word, "") for word in _words(command))
    match job.action:
        case ScriptAction(run=run):
            module, colon, _ = run.partition(":")
            yield from _module_files([module] if colon else settings.modules, job.cwd)
            yield from ((python, "") for python in (job.python, settings.python) if "/" in python)
        case AgentAction(prompt_file=prompt_file) as action:
            yield from ((path, "") for path in (prompt_file, *texts_of(agent_of(action))) if path)
        case _:
            pass
    if job.conditions:
        functions = [declared.function.partition(":")[0] for declared in _declared(job, settings) if declared.function]
        yield from _module_files([*settings.modules, *functions], "")


def _commands(job: Job, agents: Mapping[str, Agent]) -> Iterator[Command]:
    """What runs in the job's folder."""
    if isinstance(job.action, CommandAction):
        yield job.action.command
    if isinstance(job.action, AgentAction):
        if expected := job.action.expect.get("command"):
            yield tuple(expected)
        if (agent := agents.get(agent_of(job.action))) is not None:
            yield from (agent.profile.command, agent.profile.resume, *agent.profile.options.values())
    for _, follow_up in job.hooks:
        if follow_up.command is not None:
            yield follow_up.command.command


def _guard_commands(job: Job, settings: Settings) -> Iterator[Command]:
    """What runs in the root."""
    yield from (condition.args["command"] for condition in conditions_in(job.conditions) if "command" in condition.args)
    yield from (declared.command for declared in _declared(job, settings) if declared.command is not None)


def _declared(job: Job, settings: Settings) -> list[DeclaredCondition]:
    names = (condition.name for condition in conditions_in(job.conditions))
    return [settings.conditions[name] for name in names if name in settings.conditions]


def _words(command: Command) -> Iterator[str]:
    """Each element or word, and whatever in it looks like a path: `bash -c "cd x; ./y.sh"` names y.sh, too."""
    words = list(_split(command) if isinstance(command, str) else command)
    yield from words
    for one, other in pairwise(words):
        if one == "-m":
            yield from (file for file, base in _module_files([other], "") if not base)
    for text in [command] if isinstance(command, str) else words:
        if not isinstance(command, str):
            yield from _split(text)
        yield from _PATH.findall(text)


def _split(text: str) -> list[str]:
    """The words as a shell reads them; none when it would refuse the text."""
    lexer = shlex.shlex(_ROOT.sub(_HERE, text), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _module_files(modules: Sequence[str], folder: str) -> Iterator[tuple[str, str]]:
    """The files that Python runs to import them: from the folder, from the root, or (installed so) from `src`."""
    for module in modules:
        parts = module.split(".")
        packages = [f"{'/'.join(parts[:count])}/__init__.py" for count in range(1, len(parts) + 1)]
        whole = "/".join(parts)
        for file in (f"{whole}.py", f"{whole}/__main__.py", *packages):
            yield from ((file, base) for base in dict.fromkeys((folder, "", "src")))

"""A crontab's command as a shell's: what `%` means in it, and what a job that runs it may be called."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_SEPARATORS = re.compile(r"&&|\|\||[;|\n]")
_SETUP = frozenset(("cd", "test", "[", "[[", "export", "set", ".", "source", "umask", "sleep", "ulimit", "cat", "printf", ":", "true"))
_WRAPPERS = {
    **dict.fromkeys(("sudo", "env", "nice", "ionice", "nohup", "time", "chronic", "exec", "setsid", "command"), 0),
    **dict.fromkeys(("timeout", "flock"), 1),
}
"""Programs that run the program that is meant, and how many words of their own (no options) they take."""
_TAKES_A_WORD = frozenset(("-u", "-g", "-w", "-k"))
_INTERPRETERS = re.compile(r"(?:(?:python|pypy|ruby|perl|php|node|lua)[0-9.]*|(?:ba|da|z|k)?sh)")
_NUMBER = re.compile(r"[0-9.]+[smhd]?")
_SUBCOMMAND = re.compile(r"[a-z][a-z0-9_-]*")
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


def unescape(command: str) -> tuple[str, str | None]:
    r"""The command and what it reads as standard input, None for nothing (crontab(5)).

    The first `%` ends the command, further ones are line ends of the input; `\%` is a percent sign.

    >>> unescape(r"date +\%F"), unescape("mail -s hi ada%Hello,%good bye")
    (('date +%F', None), ('mail -s hi ada', 'Hello,\ngood bye\n'))
    """
    parts = [[""]]
    escaped = False
    for character in command:
        here = parts[-1]
        if character == "%" and escaped:
            here[-1] = here[-1][:-1] + "%"
        elif character == "%":
            parts.append([""])
        else:
            here[-1] += character
        escaped = character == "\\" and not escaped
    text = "\n".join(part[0] for part in parts[1:])
    return parts[0][0].rstrip(" \t"), None if len(parts) == 1 else text if text.endswith("\n") else f"{text}\n"


def with_input(command: str, text: str) -> str:
    r"""A shell's command that gives the text, which ends a line, to all of `command`.

    >>> with_input("cat", "one\n")
    "{ cat\n} <<'END'\none\nEND\n"
    """
    end = "END"
    while end in text.splitlines():
        end += "_"
    return f"{{ {command}\n}} <<'{end}'\n{text}{end}\n"


def name_of(command: str) -> str:
    """A name for the job, from the program that the command is about.

    >>> [name_of(text) for text in ("cd /srv && /usr/bin/python3 tools/report.py --all", "flock -n /tmp/x make nightly", "(2>&1)")]
    ['report', 'make-nightly', 'job']
    """
    for part in _SEPARATORS.split(command):
        words = [word.strip("\"'(){}") for word in part.split()]
        words = [word for word in words if word and not re.match(r"\w+=|\d*[<>]", word)]
        if words and words[0] not in _SETUP and (name := _fit(_program(words))):
            return name
    return "job"


def _program(words: list[str]) -> str:
    """The program that is meant, and what it is told to do when that is a plain word."""
    own, previous, wrapped = 0, "", False
    for place, word in enumerate(words):
        base = PurePosixPath(word).name
        following = words[place + 1] if place + 1 < len(words) else ""
        is_option = word.startswith("-") or (wrapped and previous in _TAKES_A_WORD)
        previous = word
        if is_option or (not own and _NUMBER.fullmatch(word)):
            continue
        if own:
            own -= 1
        elif base in _WRAPPERS:
            own, wrapped = _WRAPPERS[base], True
        elif not following or following in ("-c", "-e") or not _INTERPRETERS.fullmatch(base):
            program = re.sub(r"\.(sh|py|pl|rb|php|js)$", "", base)
            return f"{program}-{following}" if _SUBCOMMAND.fullmatch(following) else program
    return ""


def _fit(text: str) -> str:
    name = _UNFIT.sub("-", text).strip("-.")[:50]
    return name if not name or name[0].isalpha() or name[0] == "_" else f"job-{name}"

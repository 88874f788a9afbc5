"""Trusted templates: a closed list of placeholders, whose values are put in as they are and never read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

PLACEHOLDERS = ("job", "run", "attempt", "scheduled_at", "commit", "outcome", "exit_code", "reason", "result")
"""What `${NAME}` and `{NAME}` may name; `awk '{print $1}'`, `@{u}` and `${HOME}` are text."""

OF_PROMPTS = (*PLACEHOLDERS, "last_success_at", "changed_files")
"""The same in a prompt. There `$${NAME}` is the text `${NAME}`."""

UNTRUSTED = ("reason", "result", "changed_files")
"""Those whose values were printed by programs, or are names that strangers give."""

_FIELD = re.compile(r"\$?\{(" + "|".join(PLACEHOLDERS) + r")\}")
_OF_PROMPT = re.compile(r"\$(?P<text>\$\{[a-z][a-z0-9_]*\})|\$?\{(?P<name>" + "|".join(OF_PROMPTS) + r")\}")
_NAMED = re.compile(r"(?<!\$)\$\{([a-z][a-z0-9_]*)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders filled in, in one pass: a value that looks like a placeholder stays what it is.

    >>> fill("main is red at ${commit}: {reason} ${HOME}", {"commit": "3f2c1ab", "reason": "{commit}"})
    'main is red at 3f2c1ab: {commit} ${HOME}'

    A name without a value becomes nothing.
    """
    return _FIELD.sub(lambda found: values.get(found[1], ""), template)


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """The template with what `values` names filled in, and nothing else; in one pass, as `fill`.

    >>> fill_in("{job}: ${title} {0}", {"job": "{title}", "title": "it fails"})
    '{title}: it fails {0}'
    """
    names = "|".join(map(re.escape, values))
    return re.sub(r"\$?\{(" + names + r")\}", lambda found: values[found[1]], template) if values else template


def fill_prompt(template: str, values: Mapping[str, str]) -> str:
    """The same with the placeholders of prompts.

    >>> fill_prompt("{changed_files} of $${job}", {"changed_files": "a.py"})
    'a.py of ${job}'
    """
    return _OF_PROMPT.sub(lambda found: found["text"] or values.get(found["name"], ""), template)


def mentioned(template: str) -> frozenset[str]:
    """The placeholders that a prompt has.

    >>> sorted(mentioned("{job} ${result} $${run} {print}"))
    ['job', 'result']
    """
    return frozenset(found["name"] for found in _OF_PROMPT.finditer(template) if found["name"])


def unknown(template: str) -> Iterator[tuple[int, str]]:
    """What stands as `${name}` in a prompt and is no placeholder: where, and the name. Names in capitals are text.

    >>> list(unknown("at ${comit}, ${HOME}, {what}, $${ever}"))
    [(3, 'comit')]
    """
    return ((found.start(), found[1]) for found in _NAMED.finditer(template) if found[1] not in OF_PROMPTS)

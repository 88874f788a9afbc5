"""Trusted templates: a closed list of placeholders, whose values are put in as they are and never read again."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("job", "run", "attempt", "scheduled_at", "commit", "outcome", "exit_code", "reason", "result")
"""What `${NAME}` and `{NAME}` may name; `awk '{print $1}'`, `@{u}` and `${HOME}` are text."""

_FIELD = re.compile(r"\$?\{(" + "|".join(PLACEHOLDERS) + r")\}")


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

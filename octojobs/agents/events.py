"""What an agent prints, read as it comes: JSON lines by the rules of a profile, or plain text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

from octojobs.core.agent import Profile, Rule
from octojobs.slotted import dataclass

LONGEST_LINE = 16 << 20
"""Bytes of one event; a longer line is no event."""
MOST_TEXT = 1 << 20
"""Characters of an answer that is printed as text; of a longer one the end is kept, where the answer is."""

Search = Callable[[Any], Any]


@dataclass(slots=True)
class Told:
    """What the events told, by the names that rules may set; `status` is the last one, `first_error` the first that was not "ok"."""

    fields: dict[str, Any] = field(default_factory=dict)
    first_error: str = ""
    error: str = ""
    torn: int = 0

    @property
    def status(self) -> str:
        """The status that was told last, "" when none was."""
        return str(self.fields.get("status") or "")


class Reader:
    """Takes the output in pieces of any size. `told` is complete after `end`."""

    def __init__(self, profile: Profile) -> None:
        self.told = Told()
        self._output = profile.output
        self._rules = [_compiled(rule) for rule in profile.events] if profile.output != "text" else []
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self._output == "jsonl":
            *ended, data = data.split(b"\n")  # only what is new is searched: a line may come in thousands of pieces
            for line in ended:
                self._line(bytes(self._rest) + line)
                self._rest.clear()
        if not self._skipping:
            self._rest += data
        if self._output != "text" and len(self._rest) > LONGEST_LINE:
            self._skipping = True
            self._rest.clear()
        elif self._output == "text" and len(self._rest) > 4 * 2 * MOST_TEXT:
            del self._rest[: -4 * MOST_TEXT]

    def end(self) -> None:
        """There is no more: what stands in no line of its own is read, too, if it is whole."""
        rest = bytes(self._rest)
        self._rest.clear()
        if self._output == "text":
            self.told.fields["text"] = rest.decode("utf-8", "replace").strip()[-MOST_TEXT:]
        else:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        if self._skipping:
            self._skipping = False
            self.told.torn += 1
            return
        if not line.strip():
            return
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            # A warning that somebody printed in between, or the first half of an event whose writer was killed.
            self.told.torn += line.lstrip().startswith(b"{")
            return
        if isinstance(event, dict):
            self._event(event)

    def _event(self, event: Mapping[str, Any]) -> None:
        seen: dict[str, Any] = {}
        for rule in self._rules:
            rule(event, self.told.fields, seen)
        self.told.fields |= seen
        status = seen.get("status")
        if status and status != "ok" and not self.told.first_error:
            self.told.first_error = str(status)
            self.told.error = str(seen.get("error") or "")


def _compiled(rule: Rule) -> Callable[[Mapping[str, Any], dict[str, Any], dict[str, Any]], None]:
    """A function of an event, the fields so far, and those that this event sets."""
    when = _search(rule.when)
    sets = {name: _search(text) for name, text in rule.set.items()}
    appends = {name: _search(text) for name, text in rule.append.items()}
    adds = {name: _search(text) for name, text in rule.add.items()}

    def apply(event: Mapping[str, Any], fields: dict[str, Any], seen: dict[str, Any]) -> None:
        if not when(event):
            return
        seen.update({name: value for name, search in sets.items() if (value := search(event)) is not None})
        for name, search in appends.items():
            fields[name] = f"{fields.get(name) or ''}{search(event) or ''}"[-MOST_TEXT:]
        for name, search in adds.items():
            value = search(event)
            if isinstance(value, int | float):
                with suppress(OverflowError):  # an integer of hundreds of digits is no number of anything
                    fields[name] = (fields.get(name) or 0) + value

    return apply


def _search(text: str) -> Search:
    import jmespath  # lazily: only the process of a run reads events
    from jmespath.exceptions import JMESPathError

    expression = jmespath.compile(text)

    def search(event: Any) -> Any:
        try:
            return expression.search(event)
        except JMESPathError:  # a field of another type than the rule expects: the event says nothing of this
            return None

    return search

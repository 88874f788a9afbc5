"""`conditions:` in all its forms to guards."""

from __future__ import annotations

from collections.abc import Iterator

from octojobs.config.entries import Entry, each
from octojobs.config.guard_args import NEED_ARGS, args_of, bare_args
from octojobs.core.guards import AnyOf, Condition, Guard, Not

_known: dict[str, tuple[Guard, ...]] = {}
"""What lists of conditions mean, by their text: thousands of jobs have the same few."""
_MOST_KNOWN = 1024


def guards(entry: Entry) -> tuple[Guard, ...]:
    """All of the entry's conditions; those of jobs that say the same are the same object."""
    written = repr(entry.value)
    if (known := _known.get(written)) is None:
        if len(_known) == _MOST_KNOWN:
            _known.clear()
        known = _known[written] = tuple(each(entry.items(), _guard))
    return known


def named(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """Every condition's name in a list of conditions, with the entry that names it."""
    for item in entry.items() if isinstance(entry.value, list) else (entry,):
        if isinstance(item.value, str):
            yield item.value, item
        else:
            (name,) = item.value
            if name in ("any", "not"):
                yield from named(item.at(name))
            else:
                yield name, item.at(name)


def _guard(entry: Entry) -> Guard:
    value = entry.value
    if isinstance(value, str):
        if value in NEED_ARGS:
            raise entry.invalid(f'"{value}" needs to be told what', f"write {{{value}: {NEED_ARGS[value]}}}")
        return Condition(value, bare_args(value))
    (name,) = value
    inner = entry.at(name)
    if name == "any":
        return AnyOf(guards(inner))
    if name == "not":
        return Not(_guard(inner))
    if name in NEED_ARGS and inner.value is None:
        raise inner.invalid("needs to be told what", f"write {{{name}: {NEED_ARGS[name]}}}")
    return Condition(name, args_of(name, inner))

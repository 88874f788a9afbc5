"""New files of jobs as text: one field a line, what is inside a field on the same line, texts of several lines as blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from octojobs.config.values import resolve

_ENDLESS = 1_000_000_000  # columns: a folded command is hard to read and to search for


class _Dumper(yaml.SafeDumper):
    """PyYAML's, for what `config/reader.py` reads: no aliases, no folding, and quotes where YAML 1.2 needs them too."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always: a value that stands twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value and _fits_block(value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    quoted = '"' if not isinstance(resolve(value), str) or not value.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=quoted)


def _fits_block(value: str) -> bool:
    """Whether a block says it without marks for its indentation or its end: PyYAML counts those for the column that it writes at."""
    return not value[0].isspace() and value.rstrip() == value.removesuffix("\n")


_Dumper.add_representer(str, _text)


class _Block(dict[str, Any]):
    """A mapping that is written one entry a line, whatever it holds."""


def _block(dumper: yaml.SafeDumper, value: _Block) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=False)


_Dumper.add_representer(_Block, _block)


def field_text(name: str, value: Any, indent: int = 0) -> str:
    r"""One field, ending its line, `indent` columns to the right.

    >>> field_text("schedule", "*/5 * * * *", 4), field_text("command", "one\ntwo\n")
    ("    schedule: '*/5 * * * *'\n", 'command: |\n  one\n  two\n')
    """
    text: str = yaml.dump(
        _Block({name: value}), Dumper=_Dumper, default_flow_style=None, width=_ENDLESS, allow_unicode=True, sort_keys=False
    )
    return "".join(f"{' ' * indent}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def jobs_text(header: Iterable[str], timezone: str, jobs: Iterable[tuple[str, str, Mapping[str, Any]]]) -> str:
    """A file of jobs: comment lines, the zone, and for each job its comment, its name and its fields."""
    lines = [f"# {line}\n" if line else "#\n" for line in header]
    lines += ["\n", "version: 1\n", field_text("timezone", timezone), "jobs:\n"]
    for place, (comment, name, fields) in enumerate(jobs):
        lines += ["\n"] if place else []
        lines += [f"  # {comment}\n", f"  {name}:\n"]
        lines += [field_text(key, value, 4) for key, value in fields.items()]
    return "".join(lines)

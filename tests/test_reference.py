"""The reference of fields is the schemas' own: no key without documentation, no page that says something else."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.config.loading import load
from tests.helpers import ROOT


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs/generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
SCHEMAS = sorted((ROOT / "schemas").glob("*.schema.json"))


def properties(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every property anywhere in a schema, with its place; not those of conditions (`if`), which only name others."""
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield f"{place}/{name}", value
        for name, value in schema.items():
            if name != "if":
                yield from properties(value, f"{place}/{name}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from properties(value, f"{place}/{number}")


def schema(name: str) -> Any:
    """A schema of this repository."""
    return json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "text"), [pytest.param(*pair, id=pair[0].name) for pair in GENERATOR.pages().items()])
def test_the_committed_page_is_the_generated_one(path: Path, text: str) -> None:
    """After a change of a schema: `python docs/generate_reference.py`."""
    assert path.read_text(encoding="utf-8") == text


def test_every_field_of_a_job_has_its_place_on_the_page() -> None:
    """A new key must be put into a section of docs/generate_reference.py, once."""
    placed = [name for names in GENERATOR.SECTIONS.values() for name in names]
    assert sorted(placed) == sorted(schema("jobs")["definitions"]["job"]["properties"])


@pytest.mark.parametrize("path", [path for path in SCHEMAS if path.name.startswith(("jobs.", "octojobs."))], ids=lambda path: path.name)
def test_every_property_has_a_description(path: Path) -> None:
    """An editor shows it while somebody types, and the page has nothing else to say."""
    found = dict(properties(json.loads(path.read_text(encoding="utf-8"))))
    assert found
    assert [place for place, value in found.items() if value is not False and not value.get("description")] == []


@pytest.mark.parametrize("name", ["jobs", "octojobs", "agent"])
def test_every_property_is_on_the_page(name: str) -> None:
    """Those inside of others, too."""
    page = (ROOT / "docs/reference" / {"jobs": "jobs.md", "octojobs": "octojobs-yaml.md", "agent": "agent-yaml.md"}[name]).read_text(
        encoding="utf-8"
    )
    names = {place.rpartition("/")[2] for place, value in properties(schema(name)) if value is not False}
    assert [key for key in sorted(names) if f"`{key}`" not in page] == []


def test_the_examples_of_the_pages_are_valid() -> None:
    """Both together: the jobs, and the settings that they live under."""
    loaded = load(GENERATOR.JOBS_EXAMPLE, GENERATOR.SETTINGS_EXAMPLE)
    assert [str(problem) for problem in loaded.problems] == []

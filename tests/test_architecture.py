"""The house stands as docs/decisions/0002-layers.md says: layers, purity, room sizes, reasons, light imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

import octojobs
from tests import rules
from tests.helpers import ROOT, dependencies

PACKAGE = Path(octojobs.__file__).parent
PRODUCT = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SLOTTED = [path for path in PRODUCT if path not in (PACKAGE / "slotted.py", PACKAGE / "embedded/result.py")]
"""All but what names the standard's decorator for type checkers, and the one class on which a program may stand one of its own."""
CORE = sorted((PACKAGE / "core").glob("*.py"))
INITS = [path for path in PRODUCT if path.name == "__init__.py" and path.parent != PACKAGE]

HEAVY = {
    "click",
    "croniter",
    "git",
    "jmespath",
    "jsonschema",
    "opentelemetry",
    "prometheus_client",
    "psutil",
    "rich",
    "ruamel",
    "watchdog",
    "yaml",
}
"""What an import of a light module must not bring along; measured in docs/decisions/0004-libraries.md."""

Rule = Callable[[str], Iterator[str]]

WHERE: list[tuple[Rule, list[Path]]] = [
    (rules.room_size, PRODUCT + TESTS),
    (rules.function_size, PRODUCT),
    (rules.module_sentence, PRODUCT + TESTS),
    (rules.late_imports, PRODUCT),
    (rules.unexplained_waivers, PRODUCT + TESTS),
    (rules.silent_tests, TESTS),
    (rules.unnamed_tests, TESTS),
    (rules.re_exports, INITS),
    (rules.impure_imports, CORE),
    (rules.standard_slots, SLOTTED),
]

BROKEN: dict[Rule, str] = {
    rules.room_size: "x = 1\n" * 401,
    rules.function_size: "def f():\n" + "    x = 1\n" * 40,
    rules.module_sentence: '"""Two sentences. Of purpose."""\n',
    rules.late_imports: "def f():\n    x = 1\n    import json\n",
    rules.unexplained_waivers: "x = y  # type: ignore[misc]\n",
    rules.silent_tests: "def test_a_thing_is_so():\n    f()\n",
    rules.unnamed_tests: "def test_it():\n    assert True\n",
    rules.re_exports: "from octojobs.core.job import Job\n",
    rules.impure_imports: "import yaml\n",
    rules.standard_slots: "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A: ...\n",
}


@pytest.mark.parametrize(("rule", "paths"), [pytest.param(*pair, id=pair[0].__name__) for pair in WHERE])
def test_the_house_keeps_the_rule(rule: Rule, paths: list[Path]) -> None:
    """Each rule of tests/rules.py holds in every file that it speaks of."""
    assert paths
    broken = [f"{_shown(path)}:{found}" for path in paths for found in rule(path.read_text(encoding="utf-8"))]
    assert not broken, f"{rule.__doc__}\n" + "\n".join(broken)


@pytest.mark.parametrize("rule", [pytest.param(pair[0], id=pair[0].__name__) for pair in WHERE])
def test_each_rule_notices_when_it_is_broken(rule: Rule) -> None:
    """A rule that finds nothing wrong anywhere would be no rule."""
    assert list(rule(BROKEN[rule]))


def test_the_layers_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """Left may import right, siblings may not import one another, the core is pure, and git, processes and editors have one door."""
    configure()
    kept = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)
    assert kept, capsys.readouterr().out


def test_every_dependency_is_used_and_every_import_is_declared() -> None:
    """What pip installs with octojobs is what octojobs imports."""
    otel = dict.fromkeys(("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"), "opentelemetry")
    modules = {"gitpython": "git", "pyyaml": "yaml", "ruamel.yaml": "ruamel", "prometheus-client": "prometheus_client", **otel}
    declared = {modules.get(name, name) for name in dependencies()}
    imported = {name.partition(".")[0] for path in PRODUCT for name, _ in rules.imports(path.read_text(encoding="utf-8"))}
    assert imported - sys.stdlib_module_names - {"octojobs"} == declared


def test_importing_octojobs_imports_nothing_else() -> None:
    """The public API is lazy: `import octojobs` costs a millisecond."""
    assert {name.partition(".")[0] for name in _imported_by("octojobs")} <= {"octojobs", "__future__", "importlib", "warnings"}
    assert [name for name in _imported_by("octojobs") if name.startswith("octojobs.")] == []


def test_the_hook_starts_without_what_it_does_not_need() -> None:
    """`octojobs-validate` runs at every commit: it imports the reader, the schema and the cron parser."""
    assert _tops("octojobs.cli.validate_hook") & HEAVY <= {"yaml", "croniter"}


def test_the_command_line_starts_without_what_only_some_verbs_need() -> None:
    """`octojobs --help` pays for click alone."""
    assert _tops("octojobs.cli.main") & HEAVY <= {"click"}


def test_a_job_pays_for_nothing_but_its_context() -> None:
    """`runners/context.py` is imported in the job's own python, which may have nothing but the standard library."""
    assert _tops("octojobs.runners.context") - sys.stdlib_module_names == {"octojobs"}


def _shown(path: Path) -> Path:
    return path.relative_to(PACKAGE.parent if path.is_relative_to(PACKAGE) else ROOT)


def _tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in _imported_by(module)}


def _imported_by(module: str) -> list[str]:
    """The modules that a fresh Python has loaded after importing `module` and had not before."""
    program = f"import sys; before = set(sys.modules); import {module}; print('\\n'.join(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()

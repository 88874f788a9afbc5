"""The examples of docs/python-api.md work as they stand there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.embedded.test_seed_examples import as_program, up_and_terminated
from tests.helpers import ROOT, write

PAGE = (ROOT / "docs/python-api.md").read_text(encoding="utf-8")
FILES = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
DAEMON = re.findall(r"<!-- daemon -->\n```python\n(.*?)```", PAGE, re.DOTALL)
SESSION = "\n".join(re.findall(r"```python\n(>>> .*?)```", PAGE, re.DOTALL))


@pytest.fixture(autouse=True)
def files(here: Path) -> None:
    """The files that the page shows."""
    for path, text in FILES:
        write(here / path, text)


def test_the_session_of_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """All `>>>` of the page, from top to bottom."""
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(SESSION, names, "docs/python-api.md", None, 0), clear_globs=False)
    assert (runner.failures, runner.tries > 15) == (0, True), capsys.readouterr().out


def test_the_daemon_of_the_page_runs_until_it_is_terminated(here: Path) -> None:
    """It loads the folder of the page."""
    (program,) = DAEMON
    write(here / "daemon.py", program)
    assert "info up: 1 jobs" in up_and_terminated(as_program(here, "daemon.py"))

"""An edit reaches the disk only when the whole of the definitions is still valid, and in one step."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from octojobs.config.amend import amend, write
from octojobs.config.edit import create_job, delete_job, set_enabled
from octojobs.config.loader import Loader
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
from tests import helpers

JOBS = ".octopoid/jobs.yaml"
TEXT = "jobs:\n  one: {interval: 5m, command: make}\n"


def disable(name: str, text: str, stem: str) -> str | None:
    """A change as `octojobs disable` makes it."""
    return set_enabled(text, name, False, stem)


def create(name: str, fields: dict[str, object], text: str, stem: str) -> str | None:
    """A change as `octojobs create` makes it."""
    return create_job(text, name, fields, stem)


def delete(name: str, text: str, stem: str) -> str | None:
    """A change as `octojobs delete` makes it."""
    return delete_job(text, name, stem)


def test_an_amendment_is_shown_before_it_is_written(tmp_path: Path) -> None:
    """So `--dry-run` shows exactly what would be; the mode of the file stays."""
    file = helpers.write(tmp_path / JOBS, TEXT)
    file.chmod(0o640)
    amendment = amend(tmp_path, JOBS, partial(disable, "one"), Loader())
    assert file.read_text(encoding="utf-8") == TEXT
    assert [job.enabled for job in amendment.definitions.jobs.values()] == [False]
    write(tmp_path, amendment)
    assert file.read_bytes() == amendment.after == b"jobs:\n  one: {enabled: false, interval: 5m, command: make}\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["jobs.yaml"]


def test_a_file_may_come_and_go(tmp_path: Path) -> None:
    """A first job makes the file and its folder; a file that is one job is removed with it."""
    write(tmp_path, amend(tmp_path, JOBS, partial(create, "one", {"interval": "5m", "command": "make"}), Loader()))
    assert (tmp_path / JOBS).read_text(encoding="utf-8") == "jobs:\n  one:\n    interval: 5m\n    command: make\n"
    single = ".octopoid/jobs/sweep.yaml"
    helpers.write(tmp_path / single, "interval: 1h\ncommand: sweep\n")
    write(tmp_path, amend(tmp_path, single, partial(disable, "sweep"), Loader()))
    assert (tmp_path / single).read_text(encoding="utf-8") == "interval: 1h\nenabled: false\ncommand: sweep\n"
    write(tmp_path, amend(tmp_path, single, partial(delete, "sweep"), Loader()))
    assert not (tmp_path / single).exists()


def test_an_edit_that_would_break_the_definitions_is_refused(tmp_path: Path) -> None:
    """With all problems and their places in the file as it would be; nothing is written."""
    helpers.write(tmp_path / JOBS, TEXT)
    with pytest.raises(InvalidDefinitions) as raised:
        amend(tmp_path, JOBS, partial(create, "two", {"interval": "5 parsecs", "command": "make"}), Loader())
    assert [problem.line for problem in raised.value.problems] == [4]
    with pytest.raises(InvalidDefinitions, match="another job has this name"):
        amend(tmp_path, ".octopoid/jobs/more.yaml", partial(create, "ONE", {"interval": "5m", "command": "x"}), Loader())
    assert (tmp_path / JOBS).read_text(encoding="utf-8") == TEXT


def test_a_byte_order_mark_and_line_ends_stay(tmp_path: Path) -> None:
    """A file that another system's editor wrote is still one."""
    file = tmp_path / JOBS
    file.parent.mkdir()
    file.write_bytes(b"\xef\xbb\xbfjobs:\r\n  one:\r\n    interval: 5m\r\n    command: make\r\n")
    write(tmp_path, amend(tmp_path, JOBS, partial(disable, "one"), Loader()))
    assert file.read_bytes() == b"\xef\xbb\xbfjobs:\r\n  one:\r\n    enabled: false\r\n    interval: 5m\r\n    command: make\r\n"


def test_refusals_name_the_file(tmp_path: Path) -> None:
    """The person may have meant another one."""
    helpers.write(tmp_path / JOBS, TEXT)
    with pytest.raises(UsageError) as raised:
        amend(tmp_path, JOBS, partial(delete, "two"), Loader())
    assert str(raised.value) == f'{JOBS}: there is no job "two" in the file'


def test_somebody_elses_change_in_between_is_not_overwritten(tmp_path: Path) -> None:
    """An editor may have saved while the question `write it?` stood on the screen."""
    file = helpers.write(tmp_path / JOBS, TEXT)
    amendment = amend(tmp_path, JOBS, partial(disable, "one"), Loader())
    file.write_text(TEXT + "# mine\n", encoding="utf-8")
    with pytest.raises(OctojobsError) as raised:
        write(tmp_path, amendment)
    assert str(raised.value) == f"{JOBS} was changed by somebody else just now; try again"
    assert file.read_text(encoding="utf-8") == TEXT + "# mine\n"


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no temporary file behind."""
    file = helpers.write(tmp_path / JOBS, TEXT)
    amendment = amend(tmp_path, JOBS, partial(disable, "one"), Loader())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OctojobsError) as raised:
        write(tmp_path, amendment)
    assert str(raised.value) == f"{JOBS} can't be written: No space left on device; check the folder's owner and mode"
    assert file.read_text(encoding="utf-8") == TEXT
    assert [path.name for path in file.parent.iterdir()] == ["jobs.yaml"]

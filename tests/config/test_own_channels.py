"""The user's own channels: only from a file that nobody else can read, and told of without what stands in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from octojobs.config.own_channels import NONE, Own, OwnChannels, own_file, read_own
from octojobs.core.channel import Channel
from tests.config.loading import problems
from tests.helpers import write

JOBS = "jobs: {it: {manual: true, command: make, notify: {channels: [mine]}}}\n"
CHAT = 'version: 1\nchannels:\n  mine: {apprise: "tgram://123456:t0ken/789"}\n'


def own(home: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """The environment of somebody who has this file."""
    write(home / ".config/octojobs/channels.yaml", text).chmod(mode)
    return {"HOME": str(home)}


def test_an_address_may_stand_there_with_its_secret(tmp_path: Path) -> None:
    """It is the user's own, and no repository has it."""
    assert read_own(own(tmp_path, CHAT)).channels == {"mine": Channel("mine", apprise="tgram://123456:t0ken/789")}
    assert read_own(own(tmp_path, 'channels: {mine: {redis: "redis://:hunter2@localhost/0/news"}}\n')).wrong == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    """The remedy is said."""
    found = read_own(own(tmp_path, CHAT, mode))
    path = tmp_path / ".config/octojobs/channels.yaml"
    assert found == Own(wrong=f"{path} is not used: others may read it, or it is not your own file; run: chmod 600 {path}")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('channels:\n  mine: {apprise: ["t0ken"]}\n', "2:19"),
        ('channels:\n  mine: {apprise: "t0ken"}\n', "2:19"),
        ('channels:\n  mine: {file: "~/t0ken"}\n', "2:16"),
        ("channels:\n  mine: {t0ken: 1}\n", "2:10"),
        ("channels: {}\npools: {t0ken: 1}\n", "2:8"),
        ("channels: {mine: [t0ken\n", "2:1"),
    ],
)
def test_what_is_wrong_is_told_by_its_place_alone(tmp_path: Path, text: str, where: str) -> None:
    """What stands there may be a token."""
    found = read_own(own(tmp_path, text))
    assert found.wrong.startswith(f"{tmp_path}/.config/octojobs/channels.yaml:{where} is wrong, and so the file is not used")
    assert "t0ken" not in found.wrong


@pytest.mark.parametrize("text", [None, "", "channels: {}\n"])
def test_nobody_has_to_have_such_a_file(tmp_path: Path, text: str | None) -> None:
    """An empty one says nothing."""
    assert read_own({"HOME": str(tmp_path)} if text is None else own(tmp_path, text)) == NONE


def test_a_change_is_noticed(tmp_path: Path) -> None:
    """Also of the mode alone."""
    followed = OwnChannels(own(tmp_path, CHAT, 0o644))
    assert followed.look().wrong
    own_file({"HOME": str(tmp_path)}).chmod(0o600)
    assert list(followed.look().channels) == ["mine"]
    own_file({"HOME": str(tmp_path)}).unlink()
    assert followed.look() == NONE


def test_a_job_may_name_a_channel_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no such channel reads where it could be declared."""
    monkeypatch.setenv("XDG_CONFIG_HOME", os.fspath(tmp_path / ".config"))
    (problem,) = problems(JOBS, "")
    assert problem.endswith(
        'there is no channel "mine"; declare it in .octopoid/octojobs.yaml, or for yourself in ~/.config/octojobs/channels.yaml: '
        "`channels: {mine: {file: told.jsonl}}`"
    )
    own(tmp_path, CHAT)
    assert problems(JOBS, "") == []

"""A message reaches a file, a command, a webhook; what goes wrong is told as passing or as final."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from octojobs.config.blob import blob_id
from octojobs.core.channel import Channel
from octojobs.core.definitions import Definitions
from octojobs.notify import posting
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.needs import secrets_of
from tests.helpers import wait_until, write
from tests.notify.world import HOSTILE, MESSAGE, Receiver, sender


def test_a_file_gets_a_line_of_json_each(tmp_path: Path) -> None:
    """Its folder is made, its mode is private."""
    for name in ("a", "b"):
        sender(tmp_path).send(Channel("ops", file="told/ops.jsonl"), name, MESSAGE, 0)
    file = tmp_path / "told/ops.jsonl"
    assert [json.loads(line) for line in file.read_text().splitlines()] == [{"id": "a", **MESSAGE}, {"id": "b", **MESSAGE}]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_full_disk_cut_off_spoils_no_other(tmp_path: Path) -> None:
    """The message that is sent again stands in a line of its own."""
    (tmp_path / "told.jsonl").write_text('{"id": "a", "ti')
    for name in ("a", "b"):
        sender(tmp_path).send(Channel("ops", file="told.jsonl"), name, MESSAGE, 0)
    _, *lines = (tmp_path / "told.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]


def test_a_pipe_that_nobody_reads_does_not_take_it(tmp_path: Path) -> None:
    """Its delivery would hang for ever."""
    os.mkfifo(tmp_path / "told.jsonl")
    with pytest.raises(Unreachable, match=r"told\.jsonl can't be written: No such device"):
        sender(tmp_path).send(Channel("ops", file="told.jsonl"), "a", MESSAGE, 0)


def test_a_command_gets_the_message_as_data(tmp_path: Path) -> None:
    """On its standard input and in its environment; what a title says is executed nowhere."""
    channel = Channel("ops", command=("sh", "-c", 'cat > got.json; printf %s "$OCTOJOBS_TITLE" > title'))
    sender(tmp_path).send(channel, "a", MESSAGE, 0)
    assert json.loads((tmp_path / "got.json").read_text()) == {"id": "a", **MESSAGE}
    assert (tmp_path / "title").read_text() == HOSTILE
    assert not (tmp_path / "hacked").exists()


def test_a_command_sees_nothing_else_of_what_the_daemon_was_given(tmp_path: Path) -> None:
    """Its environment is an allow-list, as that of jobs and guards."""
    sender(tmp_path, TOKEN="s3cret").send(Channel("ops", command=("sh", "-c", "env > env")), "a", MESSAGE, 0)
    told = (tmp_path / "env").read_text()
    assert "OCTOJOBS_MESSAGE_ID=a\n" in told
    assert "s3cret" not in told


def test_a_command_that_fails_is_tried_again(tmp_path: Path) -> None:
    """Its exit code stands in the reason."""
    with pytest.raises(Unreachable, match="sh exited with 3"):
        sender(tmp_path).send(Channel("ops", command=("sh", "-c", "exit 3")), "a", MESSAGE, 0)


def test_a_webhook_is_signed(tmp_path: Path, receiver: Receiver) -> None:
    """The receiver computes the same from the body, the id and the time."""
    channel = Channel("ops", webhook=receiver.url, secret="HOOK", allow_hosts=("127.0.0.1",))
    sender(tmp_path, HOOK="s3cret").send(channel, "a", MESSAGE, 1_700_000_000)
    ((headers, body),) = receiver.got
    assert json.loads(body) == {"id": "a", **MESSAGE}
    expected = hmac.new(b"s3cret", b"a.1700000000." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("a", "1700000000")


def test_a_secret_may_stand_in_the_address_of_a_webhook(tmp_path: Path, receiver: Receiver) -> None:
    """So quoted that it stays one part, and never printed; one that is missing is named."""
    address = f"http://127.0.0.1:{receiver.server_port}/services/${{TOKEN}}"
    ops = Channel("ops", webhook=address, allow_hosts=("127.0.0.1",))
    relay = Channel("relay", relay=address, allow_hosts=("127.0.0.1",))
    assert secrets_of(ops) == ("TOKEN",)
    for channel in (ops, relay):
        sender(tmp_path, TOKEN="T0/k?n").send(channel, "a", MESSAGE, 0)
    assert receiver.paths == ["/services/T0%2Fk%3Fn", "/services/T0%2Fk%3Fn/v1/dispatch"]
    with pytest.raises(Refused, match="TOKEN"):
        sender(tmp_path).send(ops, "a", MESSAGE, 0)
    away = Channel("ops", webhook="http://${TOKEN}.invalid/x", allow_hosts=("hunter22.invalid",))
    with pytest.raises(Unreachable) as failed:
        sender(tmp_path, TOKEN="hunter22").send(away, "a", MESSAGE, 0)
    assert "hunter22" not in str(failed.value)


@pytest.mark.parametrize(("answer", "failure"), [(500, Unreachable), (429, Unreachable), (404, Refused), (302, Refused)])
def test_what_a_server_answers_decides_whether_it_is_asked_again(
    tmp_path: Path, receiver: Receiver, answer: int, failure: type[Exception]
) -> None:
    """A redirect is not followed."""
    receiver.answer = answer
    with pytest.raises(failure, match=f"127.0.0.1 answered {answer}"):
        sender(tmp_path).send(Channel("ops", webhook=receiver.url, allow_hosts=("127.0.0.1",)), "a", MESSAGE, 0)
    assert len(receiver.got) == 1


def test_a_private_address_is_not_reached_unless_it_is_named(tmp_path: Path, receiver: Receiver) -> None:
    """Nothing arrives there."""
    with pytest.raises(Refused, match="allow_hosts"):
        sender(tmp_path).send(Channel("ops", webhook=receiver.url), "a", MESSAGE, 0)
    assert receiver.got == []


@pytest.mark.parametrize("channel", [Channel("ops", command=("sh", "a\0b")), Channel("ops", webhook="http://127.0.0.1:{port}/ä")])
def test_what_can_never_be_sent_is_refused_for_good(tmp_path: Path, receiver: Receiver, channel: Channel) -> None:
    """A command or an address that the system has no form for ends nothing but its message."""
    there = replace(channel, webhook=channel.webhook.format(port=receiver.server_port), allow_hosts=("127.0.0.1",))
    with pytest.raises(Refused, match=r"can't be (started|asked for)"):
        sender(tmp_path).send(there, "a", MESSAGE, 0)


def test_a_server_that_answers_for_ever_is_not_listened_to_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of its answer comes in time, and the answer never."""
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.5)
    ended, endless = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = endless.accept()
        with connection, suppress(OSError):
            while not ended.wait(0.02):
                connection.sendall(b"H")

    server = threading.Thread(target=serve)
    server.start()
    failures: list[Exception] = []

    def deliver() -> None:
        url = f"http://127.0.0.1:{endless.getsockname()[1]}/"
        try:
            sender(tmp_path).send(Channel("ops", webhook=url, allow_hosts=("127.0.0.1",)), "a", MESSAGE, 0)
        except Unreachable as failure:
            failures.append(failure)

    delivery = threading.Thread(target=deliver)
    delivery.start()
    try:
        wait_until(lambda: failures, what="the end of the delivery", timeout=10)
    finally:
        ended.set()
        delivery.join()
        server.join()
        endless.close()
    assert str(failures[0]) == "127.0.0.1 did not answer within 0.5 s"


def test_a_secret_that_is_missing_is_named_and_nothing_is_sent(tmp_path: Path, receiver: Receiver) -> None:
    """An unsigned message would be worse than none."""
    with pytest.raises(Refused, match="secret HOOK is neither"):
        sender(tmp_path).send(Channel("ops", webhook=receiver.url, secret="HOOK", allow_hosts=("127.0.0.1",)), "a", MESSAGE, 0)
    assert receiver.got == []


def test_a_channel_has_words_of_its_own(tmp_path: Path) -> None:
    """The keys of the message stand for their values, and what a value says is no template."""
    channel = Channel("ops", file="told.jsonl", title="${job}: {status} {nobody}", body="{title} ${exit_code}")
    sender(tmp_path).send(channel, "a", {**MESSAGE, "title": "${run} {job}"}, 0)
    told = json.loads((tmp_path / "told.jsonl").read_text())
    assert (told["title"], told["body"]) == ("nightly: failed {nobody}", "${run} {job} ")


def test_a_command_whose_script_nobody_has_approved_waits_for_that(tmp_path: Path) -> None:
    """Where pins are kept; what is approved is compared at each try, right before it runs."""
    script = write(tmp_path / "tell.sh", "echo > canary\n")
    pins = {"tell.sh": blob_id(b"echo approved > told\n")}
    ops = Channel("ops", command=("sh", "tell.sh"))
    with pytest.raises(Unreachable, match=r"^tell\.sh is not the approved one \("):
        sender(tmp_path).send(ops, "a", MESSAGE, 0, Definitions({}, pins=pins))
    assert not (tmp_path / "canary").exists()
    script.write_text("echo approved > told\n")
    sender(tmp_path).send(ops, "a", MESSAGE, 0, Definitions({}, pins=pins))
    assert (tmp_path / "told").read_text() == "approved\n"

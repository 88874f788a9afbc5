"""A relay gets what the scheduler's RFC says, at `/v1/dispatch`, signed as a webhook is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octojobs.core.channel import Channel
from octojobs.notify.failures import Unreachable
from tests.notify.world import MESSAGE, Receiver, sender

AUDIT = {
    **MESSAGE,
    "channel": "kode-chat:user-rpm32510",
    "job": "weekly-stack-audit",
    "title": "weekly-stack-audit completed",
    "status": "success",
    "body": "3 tickets were opened",
}


@pytest.mark.parametrize("end", ["", "/"])
def test_a_relay_gets_channel_title_body_and_status(tmp_path: Path, receiver: Receiver, end: str) -> None:
    """The channel is the one that the job names, the title begins with the job, the body ends with the log."""
    relay = Channel("kode-chat", relay=f"http://127.0.0.1:{receiver.server_port}{end}", secret="RELAY", allow_hosts=("127.0.0.1",))
    sender(tmp_path, RELAY="s3cret").send(relay, "a", AUDIT, 1_700_000_000)
    ((headers, body),) = receiver.got
    assert receiver.paths == ["/v1/dispatch"]
    assert json.loads(body) == {
        "channel": "kode-chat:user-rpm32510",
        "message": {
            "title": "[weekly-stack-audit] completed",
            "body": "3 tickets were opened\n\n/runs/1/output.log",
            "status": "success",
        },
    }
    assert headers["webhook-id"] == "a"
    assert headers["webhook-signature"].startswith("v1,")


def test_a_relay_that_is_overloaded_is_tried_again(tmp_path: Path, receiver: Receiver) -> None:
    """As a webhook."""
    receiver.answer = 503
    relay = Channel("kode-chat", relay=f"http://127.0.0.1:{receiver.server_port}", allow_hosts=("127.0.0.1",))
    with pytest.raises(Unreachable, match="answered 503"):
        sender(tmp_path).send(relay, "a", AUDIT, 0)


def test_a_relay_with_words_of_its_own_gets_these(tmp_path: Path, receiver: Receiver) -> None:
    """And no more."""
    url = f"http://127.0.0.1:{receiver.server_port}"
    relay = Channel("kode-chat", relay=url, allow_hosts=("127.0.0.1",), title="{job} is done", body="{body} ({link})")
    sender(tmp_path).send(relay, "a", AUDIT, 0)
    told = json.loads(receiver.got[0][1])["message"]
    assert (told["title"], told["body"]) == ("weekly-stack-audit is done", "3 tickets were opened (/runs/1/output.log)")

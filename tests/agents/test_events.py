"""Events are read line by line by the rules of a profile, and one verdict is made of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from octojobs.agents.events import LONGEST_LINE, Reader
from octojobs.agents.verdict import Verdict, judge
from octojobs.core.agent import Profile, Rule, Wording

RULES = (
    Rule("type == 'text'", append={"text": "text"}),
    Rule("type == 'step'", add={"input_tokens": "tokens"}),
    Rule("type == 'error'", set={"status": "'failed'", "error": "message", "retry_at": "at"}),
    Rule("type == 'error' && code == `429`", set={"status": "'rate_limited'"}),
    Rule("type == 'done'", set={"status": "'ok'"}),
)
PROFILE = Profile("p", ("p",), output="jsonl", events=RULES, stderr=(Wording("quota", "rate_limited"),))
DONE = {"type": "done"}
TEXT = Profile("t", ("t",), prose=(Wording("^Proceed\\?", "blocked"),), stderr=PROFILE.stderr)


def line(event: Any) -> bytes:
    """The event as it is printed."""
    return json.dumps(event).encode() + b"\n"


def judged(*events: Any, exit_code: int = 0, stderr: str = "", profile: Profile = PROFILE) -> Verdict:
    """The verdict on these events; bytes are printed as they are."""
    reader = Reader(profile)
    for event in events:
        reader.feed(event if isinstance(event, bytes) else line(event))
    reader.end()
    return judge(profile, reader.told, exit_code, stderr)


def test_texts_are_joined_and_numbers_added_up() -> None:
    """`append` and `add` take events that tell of one step each."""
    verdict = judged(
        {"type": "text", "text": "one "},
        {"type": "step", "tokens": 2},
        {"type": "text", "text": "two"},
        {"type": "step", "tokens": 3},
        DONE,
    )
    assert (verdict.status, verdict.text, verdict.input_tokens) == ("ok", "one two", 5)


def test_a_number_that_is_far_too_large_is_not_added() -> None:
    """What was told before it stays, and the run is judged."""
    verdict = judged({"type": "step", "tokens": 2.0}, {"type": "step", "tokens": 10**400}, DONE)
    assert (verdict.status, verdict.input_tokens) == ("ok", 2)


def test_half_a_surrogate_pair_is_no_text() -> None:
    """Programs in JavaScript cut emoji in two: halves that follow one another are joined, no file could hold the others."""
    texts = [{"type": "text", "text": text} for text in ("a \ud83d", "\ude00 b \ud83d")]
    assert judged(*texts, DONE).text == "a \N{GRINNING FACE} b \N{REPLACEMENT CHARACTER}"
    assert judged({"type": "error", "message": "half \ud83d"}).error == "half \N{REPLACEMENT CHARACTER}"


def test_of_one_event_the_later_rule_wins_and_of_several_the_first_error() -> None:
    """The limit is what happened; that the program then gave up is its consequence."""
    verdict = judged({"type": "error", "code": 429, "message": "slow down"}, {"type": "error", "message": "giving up"}, exit_code=1)
    assert (verdict.status, verdict.error) == ("rate_limited", "slow down")


def test_an_error_that_the_program_recovers_from_is_none() -> None:
    """What it says last decides whether it went well."""
    assert judged({"type": "error", "message": "reconnecting"}, DONE).status == "ok"


def test_success_needs_the_exit_code_and_an_event() -> None:
    """One of them alone is not believed."""
    assert judged(DONE, exit_code=3).error == "it exited with code 3 after it had told of a success"
    assert judged({"type": "text", "text": "hello"}).error == "it ended with exit code 0 and has told of no result"
    assert {judged(DONE, exit_code=3).status, judged().status} == {"failed"}


def test_a_torn_event_is_told_of_and_a_whole_one_needs_no_end_of_line() -> None:
    """Whoever was killed while it wrote has told of no result."""
    assert judged(line(DONE).strip()).status == "ok"
    assert judged(line(DONE)[:-4], exit_code=-9).error == "it ended with exit code -9 and has told of no result; its last event is torn"


def test_what_is_no_event_is_passed_over() -> None:
    """Warnings between events, lists, numbers, nonsense, and lines without end."""
    noise = [
        b"warning: careful\n",
        b"[1, 2]\n",
        b"7\n",
        b"\xff\xfe\n",
        b"\n",
        b"[" * 5000 + b"\n",
        b"{" + b"x" * (LONGEST_LINE + 1),
        b"x\n",
    ]
    assert judged(*noise, DONE).status == "ok"


def test_a_field_of_another_type_than_expected_says_nothing() -> None:
    """A program of tomorrow may print numbers where texts were."""
    verdict = judged({"type": "text", "text": None}, {"type": "step", "tokens": "many"}, {"type": ["done"]}, DONE)
    assert (verdict.status, verdict.text, verdict.input_tokens) == ("ok", "", None)


def test_prose_is_searched_only_when_no_event_has_told() -> None:
    """An answer may well speak of quotas."""
    assert judged(exit_code=1, stderr="try later\nover quota\n").status == "rate_limited"
    assert judged(DONE, stderr="over quota").status == "ok"
    assert judged({"type": "error", "message": "no such model"}, exit_code=1, stderr="over quota").error == "no such model"


def test_the_instant_of_a_retry_is_told_in_one_form() -> None:
    """Programs tell seconds, milliseconds or text; what is none is left out."""
    found = [
        judged({"type": "error", "code": 429, "at": at}).retry_at
        for at in (1795000000, 1795000000000, "2026-11-18T12:06:40+01:00", "soon", True)
    ]
    assert found == ["2026-11-18T11:06:40Z"] * 3 + [None, None]


def test_a_program_that_prints_text_is_believed_by_its_exit_code_and_its_prose() -> None:
    """The text is the answer; a question in it, which nobody could answer, blocks the run."""
    assert judged(b"It is ", b"done.\n", profile=TEXT) == Verdict("ok", text="It is done.")
    assert judged(b"no\n", exit_code=2, stderr="a\nbad flag\n", profile=TEXT).error == "bad flag"
    blocked = judged(b"Well.\nProceed? [y/N]\n", profile=TEXT)
    assert (blocked.status, blocked.error) == ("blocked", "Proceed? [y/N]")
    assert judged(b"Proceed? [y/N]\n", exit_code=1, stderr="EOF\n", profile=TEXT).status == "blocked"


def test_prose_that_has_to_tell_of_a_success_does_so_after_the_last_error() -> None:
    """As with events: a program may meet an error, try again and succeed; of several errors the first one is told."""
    told = replace(TEXT, prose=(Wording("^used", "ok"), Wording("^limit", "rate_limited"), Wording("^error", "failed")))
    assert judged(b"limit\nIt is done.\nused 3\n", profile=told).status == "ok"
    assert judged(b"used 3\nlimit a\nerror\n", profile=told).error == "limit a"
    assert judged(b"It is done.", profile=told) == Verdict("failed", "it ended with exit code 0 and has told of no success", "It is done.")
    assert judged(b"used 3\n", exit_code=1, stderr="killed\n", profile=told).error == "killed"


@pytest.mark.parametrize("data", [json.dumps({"type": "done"}, indent=2).encode(), line(DONE)])
def test_output_may_be_one_json_object(data: bytes) -> None:
    """It may stand on several lines."""
    assert judged(data, profile=Profile("j", ("j",), output="json", events=RULES)).status == "ok"

"""What the real programs printed is understood as what happened; `transcripts/README.md` says how it was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from octojobs.agents.events import Reader
from octojobs.agents.verdict import Verdict, judge
from octojobs.config.agents import shipped_profile

FOLDER = Path(__file__).with_name("transcripts")
ANSWER = "Two pull requests are stale."


def judged(name: str, exit_code: int, piece: int = 1 << 20, stderr: bool = True) -> Verdict:
    """The verdict on a transcript that comes in pieces of so many bytes."""
    profile = shipped_profile(name.partition("-")[0])
    reader = Reader(profile)
    data = next(FOLDER / f"{name}.{kind}" for kind in ("jsonl", "txt") if (FOLDER / f"{name}.{kind}").exists()).read_bytes()
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    reader.end()
    errors = FOLDER / f"{name}.stderr"
    return judge(profile, reader.told, exit_code, errors.read_text() if stderr and errors.exists() else "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-ok", {"model": "claude-opus-4-8[1m]", "input_tokens": 19, "cached_tokens": 4, "output_tokens": 7, "cost_usd": 0.00025575}),
        ("codex-ok", {"model": None, "input_tokens": 12, "cached_tokens": 4, "output_tokens": 7, "cost_usd": None}),
        ("gemini-ok", {"model": "gemini-2.5-flash", "input_tokens": 12, "cached_tokens": 0, "output_tokens": 7, "cost_usd": None}),
        ("opencode-ok", {"model": None, "input_tokens": 12, "cached_tokens": 0, "output_tokens": 7, "cost_usd": 0}),
        ("gptme-ok", {"model": "stand-in", "input_tokens": 36, "output_tokens": 21, "cost_usd": None}),
        ("copilot-ok", {"model": "stand-in", "input_tokens": None, "output_tokens": None, "cost_usd": None}),
    ],
)
def test_an_answer_is_told_with_what_it_cost(name: str, expected: dict[str, Any]) -> None:
    """Text, session, model, tokens and cost, as far as the program tells of them."""
    verdict = judged(name, 0)
    assert (verdict.status, verdict.error, verdict.text) == ("ok", "", ANSWER)
    assert {key: getattr(verdict, key) for key in expected} == expected
    assert verdict.session or name == "gptme-ok"  # it is given one, and prints none


def test_a_program_that_prints_text_and_always_exits_with_0_says_itself_that_it_has_succeeded() -> None:
    """aider: the line with the tokens follows an answer, and nothing else."""
    verdict = judged("aider-ok", 0)
    assert (verdict.status, ANSWER in verdict.text) == ("ok", True)
    assert judged("aider-ok", 1).status == "failed"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gptme-resumed", {"input_tokens": 36, "output_tokens": 21}),
        ("copilot-resumed", {"session": "0b8f7c1e-1111-4222-8333-444455556666"}),
    ],
)
def test_a_session_that_is_gone_on_with_tells_of_the_new_run_alone(name: str, expected: dict[str, Any]) -> None:
    """Neither prints what was said before, or counts it."""
    verdict = judged(name, 0)
    assert (verdict.status, verdict.text) == ("ok", ANSWER)
    assert {key: getattr(verdict, key) for key in expected} == expected


@pytest.mark.parametrize("name", ["claude-ok", "codex-ok", "gemini-ok", "opencode-ok", "claude-rate-limit"])
def test_it_does_not_matter_in_which_pieces_the_output_comes(name: str) -> None:
    """A pipe cuts where it likes, also in the middle of a letter."""
    assert judged(name, 0, piece=7) == judged(name, 0)


@pytest.mark.parametrize(
    ("name", "exit_code", "error"),
    [
        ("claude-rate-limit", 1, "API Error: Request rejected (429) · This request would exceed your rate limit."),
        ("codex-rate-limit", 1, "Reconnecting... 1/1 (exceeded retry limit, last status: 429 Too Many Requests)"),
        ("opencode-rate-limit", 1, "Rate limit reached"),
        ("aider-rate-limit", 0, "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached"),
        ("copilot-rate-limit", 1, '{"message":"Rate limit reached","type":"rate_limit_exceeded","code":"rate_limit_exceeded"}'),
    ],
)
def test_a_rate_limit_is_one_whatever_else_the_program_says(name: str, exit_code: int, error: str) -> None:
    """Claude calls it a success in `subtype`, Codex tries again first."""
    verdict = judged(name, exit_code)
    assert (verdict.status, verdict.error) == ("rate_limited", error)


def test_a_rate_limit_that_is_told_of_on_standard_error_alone_is_found_there() -> None:
    """Gemini tries again for minutes and prints no event: it is ended by a time limit, and prose is what is left to read."""
    assert judged("gemini-rate-limit", -15).status == "rate_limited"
    assert judged("gemini-rate-limit", -15, stderr=False).status == "failed"
    assert judged("gptme-rate-limit", -15).status == "rate_limited"


@pytest.mark.parametrize(
    ("name", "exit_code", "error"),
    [
        ("claude-unauthorized", 1, "Invalid API key · Fix external API key"),
        ("codex-unauthorized", 1, "Reconnecting... 1/1 (unexpected status 401 Unauthorized: Incorrect API key provided, "),
        ("gemini-unauthorized", 145, '[API Error: {"error":{"code":401,"message":"API key not valid","status":"UNAUTHENTICATED"}}]'),
        ("opencode-unauthorized", 1, "Incorrect API key provided"),
        ("gptme-unauthorized", 76, "· ERROR    Error code: 401 - {'error': {'message': 'Incorrect API key provided',"),
        ("aider-unauthorized", 0, "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect"),
        ("copilot-unauthorized", 1, '{"message":"Incorrect API key provided"'),
        ("claude-unreachable", 1, "API Error: Unable to connect to API (ECONNRESET)"),
    ],
)
def test_a_failure_is_told_in_the_words_of_the_first_error(name: str, exit_code: int, error: str) -> None:
    """Those that follow are its consequences."""
    verdict = judged(name, exit_code)
    assert verdict.status == "failed"
    assert verdict.error.startswith(error)


@pytest.mark.parametrize("name", ["claude-unreachable", "codex-unauthorized", "gemini-rate-limit", "opencode-unauthorized"])
def test_a_model_that_was_not_reached_is_a_failure_whatever_the_exit_code(name: str) -> None:
    """An exit code of 0 makes no success of it."""
    assert judged(name, 0).status in {"failed", "rate_limited"}


def test_a_tool_that_would_have_needed_permission_blocks_the_run() -> None:
    """Claude goes on without it, exits with 0 and says that it was successful."""
    verdict = judged("claude-denied", 0)
    assert (verdict.status, verdict.error) == ("blocked", "approval: Bash")

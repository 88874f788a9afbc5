"""A stand-in for an agent's program that prints Claude's events: each line of its prompt that begins with `do:` says what it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULT = {
    "type": "result", "subtype": "success", "is_error": False, "api_error_status": None, "result": "done", "total_cost_usd": 0.5,
    "usage": {"input_tokens": 3, "output_tokens": 2}, "permission_denials": [],
}  # fmt: skip


def say(event: dict[str, Any]) -> None:
    """Print an event at once."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def limited(seconds: str, how_often: str = "9") -> None:
    """Meet a rate limit that lasts so long, and end; from a later attempt on there is none."""
    if int(os.environ["OCTOJOBS_ATTEMPT"]) > int(how_often):
        return
    resets_at = datetime.now(UTC).timestamp() + float(seconds)
    say({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": resets_at}})
    say({**RESULT, "is_error": True, "api_error_status": 429, "result": "429"})
    sys.exit(1)


def do(word: str, argument: str) -> None:
    """One step."""
    match word:
        case "write":
            Path(argument).write_text("made\n", encoding="utf-8")
        case "commit":
            Path(argument).write_text("made\n", encoding="utf-8")
            subprocess.run(["git", "add", "--", argument], check=True)
            subprocess.run(["git", "-c", "user.name=Bot", "-c", "user.email=b@example.org", "commit", "-qm", argument], check=True)
        case "clone":
            subprocess.run(["git", "init", "--quiet", argument], check=True)
            who = ["-c", "user.name=Bot", "-c", "user.email=b@example.org"]
            subprocess.run(["git", "-C", argument, *who, "commit", "--quiet", "--allow-empty", "--message", "work"], check=True)
        case "result":
            say({**RESULT, **json.loads(argument or "{}")})
        case "event":
            say(json.loads(argument))
        case "limit":
            limited(*argument.split())
        case "env" | "read" | "shell" | "argv" | "where":
            say({**RESULT, "result": answer(word, argument)})
        case _:
            misbehave(word, argument)


def misbehave(word: str, argument: str) -> None:
    """One step of those that make trouble."""
    match word:
        case "tear":
            sys.stdout.write(json.dumps(RESULT)[:40])
        case "become":
            os.execvp("sh", ["sh", "-c", argument])
        case "complain":
            sys.stderr.write(f"{argument}\n")
        case "flood":
            text = "x" * 1_000
            for _ in range(int(argument) * 1_000):
                sys.stdout.write(json.dumps({"type": "assistant", "message": text}) + "\n")
        case "line":
            for _ in range(int(argument)):
                sys.stdout.write("{" + "x" * 1_000_000)
            sys.stdout.write("\n")
        case "ask":
            sys.stderr.write(f"{argument} [y/N] ")
            sys.stderr.flush()
            if not sys.stdin.readline():
                sys.exit(1)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "sleep":
            threading.Event().wait(60)
        case "exit":
            sys.exit(int(argument))
        case _:
            sys.exit(f"the fake agent can't {word}")


def answer(word: str, argument: str) -> str:
    """What it tells as its result."""
    match word:
        case "env":
            return json.dumps([os.environ.get(name) for name in argument.split()])
        case "read":
            return sys.stdin.read() + Path(argument).read_text(encoding="utf-8")
        case "shell":
            done = subprocess.run(["sh", "-c", argument], capture_output=True, text=True, check=False)
            return done.stdout + done.stderr
        case "argv":
            return json.dumps(sys.argv[1:])
        case _:
            return os.getcwd()


def main() -> None:
    """Read the prompt to its end, tell of the session, and do what it says."""
    prompt = sys.stdin.read()
    say({"type": "system", "subtype": "init", "session_id": sys.argv[sys.argv.index("--session") + 1], "model": "fake-1"})
    for line in prompt.splitlines():
        if line.startswith("do:"):
            word, _, argument = line.removeprefix("do:").strip().partition(" ")
            do(word, argument)


if __name__ == "__main__":
    main()

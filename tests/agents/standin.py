"""A server on the loopback address that stands in for the models of all vendors: it answers, refuses the key, or refuses the rate."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "Two pull requests are stale."
IN, OUT = 12, 7
"""Tokens that each answer is said to have cost."""

Event = tuple[str, dict[str, Any]]


class Standin(ThreadingHTTPServer):
    """`mode` is `ok`, `unauthorized` or `rate-limit`; `asked` are the paths of the questions, in order, and `prompts` their bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "ok"
        self.asked: list[str] = []
        self.prompts: list[str] = []

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def standin() -> Iterator[Standin]:
    """The server, until the block ends."""
    server = Standin()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One question; which vendor's it is, its path tells."""

    server: Standin
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Some look whether anybody is there."""
        self._json({})

    def do_GET(self) -> None:
        """Lists of models, and what else there may be."""
        self._json({"data": [{"id": "stand-in", "object": "model"}], "models": []})

    def do_POST(self) -> None:
        """A question."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            asked: dict[str, Any] = json.loads(body)
        except ValueError:
            asked = {}
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        self.server.prompts.append(body.decode("utf-8", "replace"))
        streams = asked.get("stream") is True or "streamGenerateContent" in path
        if self.server.mode != "ok":
            self._refuse(path)
        elif path.endswith(("count_tokens", ":countTokens")):
            self._json({"input_tokens": IN, "totalTokens": IN})
        elif path.endswith("/messages"):
            self._answer(streams, _anthropic(), _anthropic_message())
        elif path.endswith("/responses"):
            self._answer(streams, _responses(), _response())
        elif path.endswith("/chat/completions"):
            self._answer(streams, _chat(), _completion(), end="data: [DONE]\n\n")
        elif "enerateContent" in path:
            self._answer(streams, iter([("", _gemini())]), _gemini())
        else:
            self._json({})

    def _refuse(self, path: str) -> None:
        limited = self.server.mode == "rate-limit"
        code, said = (429, "Rate limit reached") if limited else (401, "Incorrect API key provided")
        if path.endswith("/messages"):
            kind, said = ("rate_limit_error", "This request would exceed your rate limit.") if limited else ("authentication_error", said)
            self._json({"type": "error", "error": {"type": kind, "message": said}}, code)
        elif "enerateContent" in path:
            status = "RESOURCE_EXHAUSTED" if limited else "UNAUTHENTICATED"
            self._json({"error": {"code": code, "message": said, "status": status}}, code)
        else:
            kind = "rate_limit_exceeded" if limited else "invalid_api_key"
            self._json({"error": {"message": said, "type": kind, "code": kind}}, code)

    def _answer(self, streams: bool, events: Iterator[Event], whole: dict[str, Any], end: str = "") -> None:
        if not streams:
            self._json(whole)
            return
        lines = (f"event: {name}\ndata: {json.dumps(data)}\n\n" if name else f"data: {json.dumps(data)}\n\n" for name, data in events)
        self._send("".join(lines) + end, "text/event-stream", 200)

    def _json(self, value: dict[str, Any], code: int = 200) -> None:
        self._send(json.dumps(value), "application/json", code)

    def _send(self, text: str, kind: str, code: int) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _anthropic_message() -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-stand-in", "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": IN, "output_tokens": OUT},
    }  # fmt: skip


def _anthropic() -> Iterator[Event]:
    begin = {**_anthropic_message(), "content": [], "stop_reason": None, "usage": {"input_tokens": IN, "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": begin}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUT}}
    yield "message_stop", {"type": "message_stop"}


def _message_item() -> dict[str, Any]:
    content = [{"type": "output_text", "text": ANSWER, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _response() -> dict[str, Any]:
    usage = {
        "input_tokens": IN, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUT,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": IN + OUT,
    }  # fmt: skip
    return {
        "id": "resp_1", "object": "response", "status": "completed", "model": "stand-in", "output": [_message_item()], "usage": usage,
        "created_at": 1_795_000_000, "error": None, "incomplete_details": None,
        "parallel_tool_calls": True, "tools": [], "tool_choice": "auto",
    }  # fmt: skip


def _responses() -> Iterator[Event]:
    begun = {**_response(), "status": "in_progress", "output": [], "usage": None}
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**_message_item(), "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **part, "part": {"type": "output_text", "text": "", "annotations": []}},
        {"type": "response.output_text.delta", **part, "delta": ANSWER},
        {"type": "response.output_text.done", **part, "text": ANSWER},
        {"type": "response.content_part.done", **part, "part": {"type": "output_text", "text": ANSWER, "annotations": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": _message_item()},
        {"type": "response.completed", "response": _response()},
    ]
    for number, event in enumerate(told):
        yield event["type"], {**event, "sequence_number": number}


def _usage() -> dict[str, Any]:
    return {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT}


def _completion() -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1_795_000_000, "model": "stand-in", "choices": [choice], "usage": _usage()}


def _chat() -> Iterator[Event]:
    shared = {"id": "c1", "object": "chat.completion.chunk", "created": 1_795_000_000, "model": "stand-in"}
    first = {"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": None}
    yield "", {**shared, "choices": [first]}
    yield "", {**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield "", {**shared, "choices": [], "usage": _usage()}


def _gemini() -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": IN, "candidatesTokenCount": OUT, "totalTokenCount": IN + OUT}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}

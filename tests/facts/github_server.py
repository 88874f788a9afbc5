"""A server that speaks the little of GitHub's API which octojobs asks for through `gh`, on the loopback, under a name of its own.

`gh` reaches it as a proxy: it asks for a tunnel to `github.example.org:443`, and finds a TLS server with a certificate of that name at
once, which it trusts because `SSL_CERT_FILE` says so. So no name is resolved, no port is taken, and nothing leaves the machine.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

HOST = "github.example.org"
TOKEN = "ghp_" + "0" * 36
_TYPES = re.compile(r"(\w+)\s*:\s*__type\s*\([^)]*\)\s*\{\s*(\w+)")
_LABEL = re.compile(r"label:(\S+)")
_RATE = {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "60", "X-RateLimit-Reset": "1795000000", "X-RateLimit-Resource": "core"}


@dataclass
class Store:
    """What the server has: pull requests and issues as GraphQL has them, and the answers of REST by path. `asked` is what it was asked.

    `refusal` is a status and a message that it answers all with instead.
    """

    pulls: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    rest: dict[str, tuple[int, Any]] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    asked: list[str] = field(default_factory=list)


class Server:
    """Serves from when it is made until `close`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.store = Store()
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
        made += ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(made, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        handler = type("Handler", (_Handler,), {"context": context, "store": self.store})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def environment(self, home: Path) -> dict[str, str]:
        """What leads `gh` here, and to nothing of the user's."""
        proxy = f"http://127.0.0.1:{self._server.server_port}"
        trusted = {"SSL_CERT_FILE": str(self.certificate), "HTTPS_PROXY": proxy, "GH_HOST": HOST, "GH_ENTERPRISE_TOKEN": TOKEN}
        (home / "tmp").mkdir(exist_ok=True)
        # gh keeps some answers for a day, where temporary files go, or below the home
        return {**trusted, "HOME": str(home), "GH_CONFIG_DIR": str(home / "gh"), "TMPDIR": str(home / "tmp")}

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """A tunnel that ends here, and what comes out of it."""

    context: ClassVar[ssl.SSLContext]
    store: ClassVar[Store]
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        """Take whoever wants to go to HOST for a caller of HOST."""
        if self.path != f"{HOST}:443":
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.request = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def finish(self) -> None:
        """Let go of both layers."""
        super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        """REST, below `/api/v3`."""
        path = self.path.removeprefix("/api/v3/")
        self.store.asked.append(f"GET {path}")
        self._answer(*self.store.rest.get(path, (404, {"message": "Not Found"})))

    def do_POST(self) -> None:
        """GraphQL."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        query, variables = request["query"], request.get("variables") or {}
        if types := _TYPES.findall(query):
            # Newer ones ask what this server can: whatever they may want to know, it can nothing special.
            self._answer(200, {"data": {name: {asked: []} for name, asked in types}})
            return
        if "search(" in query:  # issues with a label
            label = _LABEL.search(variables["query"])
            found = [one for one in self.store.issues if label is None or one["label"] == label[1]]
            self.store.asked.append(f"search {variables['query']} {variables['limit']}")
            self._answer(200, {"data": {"repository": {"hasIssuesEnabled": True}, "search": {"issueCount": len(found), **_page(found)}}})
        else:
            self.store.asked.append(f"pullRequests {variables['owner']}/{variables['repo']} {variables['limit']}")
            page = {"totalCount": len(self.store.pulls), **_page(self.store.pulls)}
            self._answer(200, {"data": {"repository": {"pullRequests": page}}})

    def _answer(self, status: int, value: Any) -> None:
        if self.headers.get("Authorization") != f"token {TOKEN}":
            status, value = 401, {"message": "Bad credentials"}
        if self.store.refusal is not None:
            status, value = self.store.refusal[0], {"message": self.store.refusal[1]}
        data = json.dumps(value).encode()
        self.send_response(status)
        headers: Mapping[str, str] = _RATE if status == 403 else {}
        for name, text in {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests look at `asked`."""


def _page(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The first page of them, which is the last; the label is what the server goes by, and not asked for."""
    nodes = [{key: value for key, value in one.items() if key != "label"} for one in found]
    return {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": ""}}


def pull(number: int, title: str, updated_at: str, *, draft: bool = False) -> dict[str, Any]:
    """A pull request as GraphQL gives it."""
    return {"number": number, "title": title, "updatedAt": updated_at, "isDraft": draft}


def issue_node(number: int, title: str, body: str = "", author: str | None = "mallory", label: str = "agents") -> dict[str, Any]:
    """An issue as GraphQL gives it; without an author, whose account is gone."""
    who = {"login": author, "id": "MDQ6VXNlcjE=", "name": ""} if author else None
    url = f"https://{HOST}/ada/shop/issues/{number}"
    return {"number": number, "title": title, "body": body, "author": who, "url": url, "label": label}

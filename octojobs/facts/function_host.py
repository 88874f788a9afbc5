"""A process of its own for one declared condition: imports a function, calls it, and says what it returned.

Run as `python function_host.py module:function` in the main worktree, with keyword arguments as a JSON object on standard
input. It writes one JSON object, `{"holds": …, "evidence": …}` or `{"error": …}`, and exits 0 when the condition holds, 1
when it does not, 2 when nobody knows. What the function prints goes to standard error. Standard library alone, and nothing
of octojobs: this runs in the repository's python, in which octojobs may not be installed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

LONGEST = 2000  # characters of a reply: it must fit into the pipe at one go


def answer(target: str, arguments: dict[str, object]) -> dict[str, object]:
    """Call the function; `{"holds", "evidence"}`, or `{"error"}` when it can't be had, raises, or returns something else."""
    module, _, path = target.partition(":")
    try:
        function = importlib.import_module(module)
        for name in path.split("."):
            function = getattr(function, name)
        returned: object = function(**arguments)  # type: ignore[operator]  # whatever it is, calling it tells
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- somebody else's code: whatever it raises is the answer "unknown"
        return {"error": f"{type(error).__name__}: {error}"[:LONGEST]}
    holds, evidence = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, "")
    if not isinstance(holds, bool):
        return {"error": f"it returned {returned!r}"[:LONGEST] + ", not a bool or (bool, evidence)"}
    return {"holds": holds, "evidence": str(evidence)[:LONGEST]}


def main() -> int:
    """The exit code: 0 holds, 1 does not, 2 unknown."""
    reply_to = os.dup(1)
    os.dup2(2, 1)
    sys.path[0] = os.getcwd()  # in place of this file's folder
    reply = answer(sys.argv[1], json.load(sys.stdin))
    sys.stdout.flush()
    os.write(reply_to, json.dumps(reply).encode())
    return 2 if "error" in reply else 0 if reply["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())

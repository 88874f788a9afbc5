"""A process of its own for one condition of the repository's: finds its function, calls it, and says what it returned.

Run by path in the main worktree, as `python function_host.py module:function`, or as `python function_host.py NAME MODULE…` for
one that a module registers with `@octojobs.condition`; keyword arguments come as a JSON object on standard input. It writes one
JSON object, `{"holds": …, "evidence": …}` or `{"error": …}`, and exits 0 when the condition holds, 1 when it does not, 2 when
nobody knows. What the function prints goes to standard error. Standard library alone, of Python 3.9 on: this runs in the
repository's Python, in which octojobs need not be installed, and `import octojobs` means the package that this file is of.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

LONGEST = 2000  # characters of a reply: it must fit into the pipe at one go
_PACKAGE = Path(__file__).resolve().parent.parent


class NotThere(Exception):
    """There is no such function; the message is for the person who wrote its name."""


def answer(target: str, modules: Sequence[str], arguments: dict[str, object]) -> dict[str, object]:
    """Call the function; `{"holds", "evidence"}`, or `{"error"}` when it can't be had, raises, or returns something else."""
    try:
        returned: object = _find(target, modules)(**arguments)
    except NotThere as error:
        return {"error": str(error)[:LONGEST]}
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- somebody else's code: whatever it raises is the answer "unknown"
        return {"error": f"{type(error).__name__}: {error}"[:LONGEST]}
    holds, evidence = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, "")
    if not isinstance(holds, bool):
        return {"error": f"it returned {returned!r}"[:LONGEST] + ", not a bool or (bool, evidence)"}
    return {"holds": holds, "evidence": str(evidence)[:LONGEST]}


def _find(target: str, modules: Sequence[str]) -> Callable[..., object]:
    module, colon, path = target.partition(":")
    if colon:
        function: object = importlib.import_module(module)
        for name in path.split("."):
            function = getattr(function, name)
        return function  # type: ignore[return-value]  # whatever it is, calling it tells
    for name in modules:
        importlib.import_module(name)
    from octojobs.facts.registered import registered  # what those modules have filled

    functions = registered()
    if target not in functions:
        raise NotThere(f"none of {', '.join(modules)} registers a condition of that name; registered: {', '.join(functions) or 'none'}")
    return functions[target]


def load_octojobs() -> None:
    """Make `import octojobs` mean the package that this file belongs to, wherever this Python would look; as script_host.py does."""
    spec = importlib.util.spec_from_file_location("octojobs", _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no octojobs in {_PACKAGE}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["octojobs"] = module
    spec.loader.exec_module(module)


def main() -> int:
    """The exit code: 0 holds, 1 does not, 2 unknown."""
    reply_to = os.dup(1)
    os.dup2(2, 1)
    sys.path[0] = os.getcwd()  # in place of this file's folder
    load_octojobs()
    reply = answer(sys.argv[1], sys.argv[2:], json.load(sys.stdin))
    sys.stdout.flush()
    os.write(reply_to, json.dumps(reply).encode())
    return 2 if "error" in reply else 0 if reply["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())

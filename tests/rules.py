"""The house rules as functions: each takes a module's text and yields what breaks the rule, as `line: what`."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

MAX_ROOM = 400
"""Lines of a file. Aim at 150, look again at 250."""
MAX_FUNCTION = 40
"""Lines of a function from `def` to its end, its docstring not counted: a good docstring costs nobody a split."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
_WAIVER = re.compile(r"#\s*(?P<kind>type:\s*ignore(?:\[[\w, -]+\])?|noqa(?::\s*[A-Z]+\d+(?:[, ]+[A-Z]+\d+)*)?|pragma:[\w ]+)(?P<rest>.*)")
_TWO_SENTENCES = re.compile(r"[.!?]\s+[A-Z]")
_CHECKS = re.compile(r"^(assert|check|expect|wait_until|raises|warns|fail)")


def room_size(text: str) -> Iterator[str]:
    """A file has at most 400 lines."""
    lines = text.count("\n")
    if lines > MAX_ROOM:
        yield f"1: {lines} lines, {MAX_ROOM} at most"


def function_size(text: str) -> Iterator[str]:
    """A function has at most 40 lines."""
    for function in _functions(ast.parse(text)):
        lines = (function.end_lineno or 0) - function.lineno + 1 - _docstring_lines(function)
        if lines > MAX_FUNCTION:
            yield f"{function.lineno}: {function.name} has {lines} lines, {MAX_FUNCTION} at most"


def module_sentence(text: str) -> Iterator[str]:
    """A module begins with one sentence of purpose."""
    if not text.strip():  # ruff asks the packages of octojobs for their sentence; those of the tests are folders
        return
    docstring = ast.get_docstring(ast.parse(text))
    if not docstring:
        yield "1: no docstring"
        return
    first = docstring.partition("\n\n")[0]
    if not first.rstrip().endswith((".", ":")) or _TWO_SENTENCES.search(first):
        yield f"1: the docstring begins with {first!r}, which is not one sentence"


def late_imports(text: str) -> Iterator[str]:
    """An import inside a function has a comment on its line or the line above: start-up time is the one reason."""
    lines = text.splitlines()
    for function in _functions(ast.parse(text)):
        for node in ast.walk(function):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            here, above = lines[node.lineno - 1], lines[node.lineno - 2]
            block = range(node.lineno - 1, 0, -1)
            first = next((number for number in block if not lines[number - 1].lstrip().startswith(("import ", "from "))), node.lineno - 1)
            if "#" not in here and "#" not in above and not lines[first - 1].lstrip().startswith("#"):
                yield f"{node.lineno}: an import inside {function.name} without its reason in a comment"


def unexplained_waivers(text: str) -> Iterator[str]:
    """A `type: ignore` or `noqa` names its code and has a reason behind it."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        waiver = _WAIVER.match(token.string) if token.type == tokenize.COMMENT else None
        if waiver is None:
            continue
        kind, rest = waiver["kind"], waiver["rest"].strip(" #-—:")
        if kind.startswith("type") and "[" not in kind:
            yield f"{token.start[0]}: {kind!r} names no code"
        elif kind == "noqa":
            yield f"{token.start[0]}: 'noqa' names no code"
        elif len(rest.split()) < 2:
            yield f"{token.start[0]}: {kind!r} without a reason beside it"


def silent_tests(text: str) -> Iterator[str]:
    """A test asserts something: itself, or through a function of its module that does."""
    tree = ast.parse(text)
    asserting = {function.name for function in _functions(tree) if _asserts(function, set())}
    for function in _functions(tree):
        if function.name.startswith("test_") and not _asserts(function, asserting - {function.name}):
            yield f"{function.lineno}: {function.name} asserts nothing"


def unnamed_tests(text: str) -> Iterator[str]:
    """A test's name says what holds: three words at least after `test_`."""
    for function in _functions(ast.parse(text)):
        words = function.name.removeprefix("test_").split("_")
        if function.name.startswith("test_") and len([word for word in words if word]) < 3:
            yield f"{function.lineno}: {function.name} is no sentence"


def re_exports(text: str) -> Iterator[str]:
    """A package's `__init__` imports nothing of octojobs: each name has one place."""
    for node in ast.walk(ast.parse(text)):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        for name in names:
            if name.partition(".")[0] == "octojobs":
                yield f"{getattr(node, 'lineno', 0)}: imports {name}"


def impure_imports(text: str) -> Iterator[str]:
    """A module of the core imports croniter, the core, errors, slotted, and of the standard library what import-linter allows."""
    for name, line in imports(text):
        inside = name.startswith(("octojobs.core", "octojobs.errors", "octojobs.slotted"))
        if not inside and name.partition(".")[0] not in sys.stdlib_module_names | {"croniter"}:
            yield f"{line}: imports {name}"


def standard_slots(text: str) -> Iterator[str]:
    """A dataclass with slots is made by octojobs.slotted, so that a start does not pay for it (decision 41)."""
    tree = ast.parse(text)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"]
    if not any(alias.name == "dataclass" for node in found for alias in node.names):
        return
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        made = [one for one in kind.decorator_list if isinstance(one, ast.Call) and ast.unparse(one.func) == "dataclass"]
        yield from (f"{kind.lineno}: {kind.name}" for one in made if any(word.arg == "slots" for word in one.keywords))


def imports(text: str) -> Iterator[tuple[str, int]]:
    """Every module that the text imports, wherever in it, with its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _docstring_lines(function: Function) -> int:
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or 0) - first.lineno + 1
    return 0


def _asserts(function: Function, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            if _CHECKS.match(name) or name in helpers:
                return True
    return False

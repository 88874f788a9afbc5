"""What a YAML parser's complaint means in this file, in words that name the remedy."""

from __future__ import annotations

import yaml

from octojobs.config.limits import MAX_DEPTH, Refused

TOO_DEEP = f"this is nested more than {MAX_DEPTH} deep", "write it flatter"

_QUOTE = 'write the whole text in "quotes"'


def explain(error: yaml.MarkedYAMLError, text: str) -> Refused:
    """The parser's error at its own place, told by what usually causes it."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    what, fix = _told(str(error.problem or error.context or "not YAML"), *_around(text, line, column))
    if error.context_mark and error.problem and "did not find expected" in error.problem and line > error.context_mark.line:
        what += f" (in what began in line {error.context_mark.line + 1})"
    return Refused(line + 1, column + 1, what, fix)


def _around(text: str, line: int, column: int) -> tuple[str, str]:
    """The line and what stands at the place in it."""
    lines = text.split("\n")
    content = lines[line] if line < len(lines) else ""
    return content, content[column:]


def _told(problem: str, line: str, rest: str) -> tuple[str, str]:
    """What and fix, by the parser's words and the text at the place."""
    if "maximum nesting depth" in problem:  # libyaml's own bound since 0.2.6: it meets brackets before it tells of the first one
        return TOO_DEEP
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation or rest.startswith("\t"):
        return "a tab stands where spaces must", "indent with spaces"
    if rest[:1] in ("@", "`", "%"):
        return f"text can't begin with {rest[0]}", _QUOTE
    if "mapping values are not allowed" in problem:
        return "a second `: ` in one value", f"{_QUOTE}, or indent the line below its key"
    if "alphabetic or numeric character" in problem:
        return "text that begins with * or & is a YAML alias or anchor", _QUOTE
    if "unexpected end of stream" in problem or "while scanning a quoted scalar" in problem:
        return "a quote is opened and never closed", "close it"
    if "could not find expected ':'" in problem:
        return "this line has no `: ` after its key", "write `name: value`"
    if "did not find expected" in problem or "expected <block end>" in problem:
        return "this does not fit what stands above it", "check the indentation, the quotes and the brackets"
    return problem, "check the indentation, the quotes and the brackets"

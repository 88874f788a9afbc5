"""A schema as a function that says yes or no, kept as byte code beside this room's own, where Python keeps what it has compiled.

fastjsonschema makes Python of a schema, and Python byte code of that, in 30 ms: as long as all else that a pre-commit hook does. Who
can write into `__pycache__` could change octojobs itself there; so no more is trusted than before, which is why it is not
the user's cache. A folder that can't be written costs the 30 ms each time. An entry is found by all that it follows from.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

from octojobs import __version__

_IMPORT = "from fastjsonschema import JsonSchemaValueException, JsonSchemaValuesException\n"
_OTHERWISE = {
    # What the generated module raises: its own, so that fastjsonschema is imported only to generate it.
    _IMPORT: "class JsonSchemaValueException(ValueError): ...\nclass JsonSchemaValuesException(JsonSchemaValueException): ...\n",
    # For values that are decimals: no definition holds any, and the import is a millisecond of a hook's.
    "from decimal import Decimal\n": "Decimal = float\n",
    # Which item is meant, in messages that nobody reads: a third of the time of a job's check.
    ".format(**locals())": "",
}


def accepts(schema: Mapping[str, Any], name: str) -> Callable[[Any], bool]:
    """A function that says whether a value fits the schema; `name` is a word for the file."""
    entry = _entry(schema, name)
    code = _kept(entry) or _compiled(schema, entry)
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102 -- what fastjsonschema generated from a schema of ours
    validate, wrong = module["validate"], module["JsonSchemaValueException"]

    def fits(value: Any) -> bool:
        try:
            validate(value)
        except wrong:
            return False
        return True

    return fits


def _entry(schema: Mapping[str, Any], name: str) -> Path:
    digest = hashlib.sha256(f"{__version__} {sys.version} {json.dumps(_OTHERWISE)} {json.dumps(schema)}".encode()).hexdigest()
    own = Path(cache_from_source(__file__))
    return own.with_name(f"{name}.{digest[:16]}.{sys.implementation.cache_tag}.schema")


def _kept(entry: Path) -> CodeType | None:
    try:
        code = marshal.loads(entry.read_bytes())  # noqa: S302 -- as Python does with the files beside it
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None


def _compiled(schema: Mapping[str, Any], entry: Path) -> CodeType:
    import fastjsonschema  # only where nothing was kept

    text = fastjsonschema.compile_to_code(dict(schema), use_default=False, detailed_exceptions=False)
    if _IMPORT not in text:
        raise ImportError("this version of fastjsonschema generates what octojobs does not know")
    for theirs, ours in _OTHERWISE.items():
        text = text.replace(theirs, ours)
    code = compile(text, entry.name, "exec")
    if not sys.dont_write_bytecode:
        _keep(code, entry)
    return code


def _keep(code: CodeType, entry: Path) -> None:
    temporary = entry.with_name(f"{entry.name}.{os.getpid()}")
    word, tag = entry.name.partition(".")[0], f".{sys.implementation.cache_tag}.schema"
    with suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(marshal.dumps(code))
        temporary.rename(entry)
        for other in entry.parent.glob(f"{word}.*{tag}"):
            if other != entry:
                other.unlink()

"""Amounts of bytes as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = r"([0-9]{1,15}) ?([KMG]?I?B)?"


def parse_size(value: str | int) -> int:
    """Bytes; raises ValueError that says what is accepted.

    >>> parse_size("10MB"), parse_size("2 KiB"), parse_size(512)
    (10000000, 2048, 512)
    """
    match = re.fullmatch(_SIZE, str(value).strip(), re.IGNORECASE)
    if not match or (match[2] or "").upper() not in _UNITS:
        raise ValueError(f'"{value}" is not a size')
    return int(match[1]) * _UNITS[(match[2] or "").upper()]

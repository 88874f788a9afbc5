"""Addresses that hold secrets: put in as they are sent to, and nowhere else; what a library says of them is cleaned of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from octojobs.notify.needs import SECRET
from octojobs.notify.parcel import Parcel

_PARTS = re.compile(r"[:/@?&=,#]+")
_TELLING = 4
"""Letters of a part of an address that may be a secret: shorter ones are `to`, `443` and the like, and hiding them hides words."""


def with_secrets(parcel: Parcel, url: str) -> str:
    """The address with its secrets in their places, so quoted that none can be more than the part where it stands.

    One that is a secret altogether stays as it is. Raises Refused, naming a secret that is missing.
    """
    values = parcel.secrets(tuple(dict.fromkeys(SECRET.findall(url))))
    if SECRET.fullmatch(url):
        return values[url[2:-1]]
    return SECRET.sub(lambda found: quote(values[found[1]], safe=""), url)


def without(said: str, url: str, *, but: Iterable[str] = ()) -> str:
    """What was said, with stars for every part of the address that occurs in it.

    >>> without("bot123456 can't write to chat98765", "tgram://bot123456/chat98765/")
    "*** can't write to ***"
    """
    rest = url.partition("://")[2]
    parts = {part for text in (rest, unquote(rest)) for part in _PARTS.split(text) if len(part) >= _TELLING} - set(but)
    for part in sorted(parts, key=len, reverse=True):
        said = said.replace(part, "***")
    return said

"""Which addresses a webhook reaches, and which it does not."""

from __future__ import annotations

import pytest

from octojobs.notify.addresses import connect, unmapped
from octojobs.notify.failures import Refused


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"])
def test_an_address_that_is_not_public_is_refused_before_anything_is_sent(host: str) -> None:
    """However it is written."""
    with pytest.raises(Refused, match=r"is not a public address; name it in the channel's `allow_hosts`"):
        connect(host, 9, (), 1)


def test_an_address_inside_of_another_is_the_one_that_counts() -> None:
    """A public one stays public."""
    assert [str(unmapped(text)) for text in ("::ffff:8.8.8.8", "2606:4700::1111")] == ["8.8.8.8", "2606:4700::1111"]

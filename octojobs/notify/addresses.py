"""Which addresses a webhook may reach: public ones, and the hosts that its channel allows by name."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection

from octojobs.notify.failures import Refused, Unreachable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def unmapped(text: str) -> Address:
    """The address that is really reached: an IPv4 address inside of an IPv6 one is that.

    >>> [str(unmapped(text)) for text in ("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::")]
    ['127.0.0.1', '10.0.0.1', '127.0.0.1']
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def connect(host: str, port: int, allow_hosts: Collection[str], timeout_s: float) -> socket.socket:
    """A connection to the first address of the host that accepts one: what was checked is what is connected to.

    Raises Refused when one of its addresses is not public and the host is not among `allow_hosts`, Unreachable when none answers.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{host} has no address: {error.strerror}") from None
    if host not in allow_hosts:
        for *_, place in found:
            address = unmapped(str(place[0]))
            if not address.is_global or address.is_multicast:
                raise Refused(f"{host} is {address}, which is not a public address; name it in the channel's `allow_hosts`")
    failure = ""
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout_s)
            connection.connect(place)
        except OSError as error:
            connection.close()
            failure = error.strerror or str(error)
        else:
            return connection
    raise Unreachable(f"{host}:{port} can't be reached: {failure}")

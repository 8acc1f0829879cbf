"""Takes apart the address of a server, and tells whether what is sent there stays on this machine."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def address_of(url: str) -> SplitResult | None:
    """The parts of an address with a host; None if it is none, or holds what no address may."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return None
    return parts if usable and url.isascii() and url.isprintable() and " " not in url else None


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine under one of its own names: nothing sent there crosses a network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

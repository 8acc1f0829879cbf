"""Takes apart the address of a server."""

from urllib.parse import SplitResult, urlsplit


def address_of(url: str) -> SplitResult | None:
    """The parts of an address with a host; None if it is none, or holds what no address may."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return None
    return parts if usable and url.isascii() and url.isprintable() and " " not in url else None

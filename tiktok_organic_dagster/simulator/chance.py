"""The only source of randomness of the simulated world: seeded by name, the same in every process."""

import hashlib
import random


def chance(*key: object) -> random.Random:
    """A random source that depends on nothing but its key, so that any object can be computed on its own."""
    # Seeding with a string goes through SHA-512, which PYTHONHASHSEED does not touch.
    return random.Random(":".join(map(str, key)))  # noqa: S311 -- a made-up world, not a secret


def digest(*key: object) -> bytes:
    """32 bytes that depend on nothing but the key."""
    return hashlib.sha256(":".join(map(str, key)).encode()).digest()


def shares(weights: list[float]) -> list[float]:
    """The weights as shares with four decimals that sum to 1, in the order given."""
    total = sum(weights)
    parts = [int(weight / total * 10_000) for weight in weights]
    parts[weights.index(max(weights))] += 10_000 - sum(parts)
    return [part / 10_000 for part in parts]

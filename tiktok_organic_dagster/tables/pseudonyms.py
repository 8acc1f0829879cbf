"""Keyed hashes in the place of what names a person: one person keeps one hash, and nobody finds the person by it.

A hash without a key could be looked up: whoever hashes all known usernames finds each one's hash.
"""

import hmac
import re
import secrets

import pyarrow as pa

from tiktok_organic_dagster.tables.model import Column, Table

KEY_BYTES = 32
MARK = "hashed:"
"""What a hash begins with, so that it is never taken for an id or a name; TikTok's ids and usernames have no colon."""
_PSEUDONYM = re.compile(rf"{MARK}[0-9a-f]{{64}}")
LENGTH = len(MARK) + 64


def new_key() -> str:
    """A random key, as text."""
    return secrets.token_hex(KEY_BYTES)


def is_pseudonym(text: str) -> bool:
    """Whether a stored text is a hash already."""
    return _PSEUDONYM.fullmatch(text) is not None


class Pseudonyms:
    """The hashes under one key: HMAC-SHA256 of the column's name and the text; holds the key, and never shows it.

    With the column's name in it, equal texts of two columns have two hashes: nobody sees whose username is their id.

    Args:
        key: A key that `new_key` made.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    def of(self, column: Column, text: str) -> str:
        """The hash of a text as it is stored; an empty one tells nothing, and stays empty."""
        if not text:
            return text
        return MARK + hmac.digest(self._key, f"{column.name}\0{text}".encode(), "sha256").hex()

    def of_stored(self, column: Column, text: str) -> str:
        """The hash of a text that may be one already, as a table holds both after the setting was changed."""
        return text if is_pseudonym(text) else self.of(column, text)

    def rows(self, table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Put hashes in the place of all that names a person; each distinct text is hashed once.

        Args:
            table: The table that the rows are of.
            batch: Rows of its columns, in plain.
        """
        arrays = [
            self._hashed(column, array) if column.names_person else array
            for column, array in zip(table.columns, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)

    def _hashed(self, column: Column, array: "pa.Array[pa.Scalar]") -> "pa.Array[pa.Scalar]":
        encoded = array.dictionary_encode()
        hashes = [self.of(column, text) for text in encoded.dictionary.to_pylist()]
        return pa.array(hashes, pa.string()).take(encoded.indices)

"""Those who comment, in the stored rows: names made hashes, and the comments of the forgotten erased."""

from collections.abc import Callable, Generator
from dataclasses import replace

import pyarrow as pa

from tiktok_organic_dagster.tables import COMMENTS
from tiktok_organic_dagster.tables.own import COMMENT_READS
from tiktok_organic_dagster.tables.pseudonyms import LENGTH, MARK, Pseudonyms
from tiktok_organic_dagster.warehouse.base import Session, quoted, step_lock
from tiktok_organic_dagster.warehouse.spool import Spool
from tiktok_organic_dagster.warehouse.writing import same_key

IDENTIFIER = COMMENTS.column("unique_identifier")
"""What a commenter is told by: the one id that is the same everywhere."""
PORTION_ROWS = 20_000
"""How many rows, or ids, are in memory at a time."""

_NAMES = tuple(column.name for column in COMMENTS.columns if column.names_person)
_PART = replace(
    COMMENTS,
    columns=tuple(column for column in COMMENTS.columns if column.name in {*COMMENTS.key, *_NAMES, COMMENTS.day}),
)
"""The columns of a comment that are needed to put hashes in the place of its author's names."""
_IS_PLAIN = " OR ".join(
    f"({quoted(name)} <> '' AND NOT ({quoted(name)} LIKE '{MARK}%' AND length({quoted(name)}) = {LENGTH}))"
    for name in _NAMES
)


def commented_accounts(session: Session) -> list[str]:
    """The accounts that have stored comments."""
    return [account for (account,) in session.query(f"SELECT DISTINCT _business_id FROM {session.name_of(COMMENTS)}")]  # noqa: S608


def hash_names(session: Session, pseudonyms: Pseudonyms) -> None:
    """Put hashes in the place of all names that are stored in plain, a bounded number of rows in a transaction.

    Rows that hold hashes are left as they are, so that it goes on where it was stopped.
    """
    comments = session.name_of(COMMENTS)
    plain = session.query(f"SELECT DISTINCT _business_id FROM {comments} WHERE {_IS_PLAIN}")  # noqa: S608
    for (business_id,) in plain:
        done = False
        while not done:
            with session.transaction(step_lock("comments", business_id)):
                done = _hash_portion(session, pseudonyms, business_id)


def _hash_portion(session: Session, pseudonyms: Pseudonyms, business_id: str) -> bool:
    """Hash the names of some rows of an account; whether none is left."""
    comments = session.name_of(COMMENTS)
    rows = session.query(
        f"SELECT {', '.join(map(quoted, _PART.column_names))} FROM {comments} "  # noqa: S608
        f"WHERE _business_id = ? AND ({_IS_PLAIN}) LIMIT ?",
        business_id,
        PORTION_ROWS,
    )
    if rows:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, _PART.arrow_schema, strict=True)]
        plain = pa.RecordBatch.from_arrays(arrays, schema=_PART.arrow_schema)
        with Spool() as spool:
            spool.add(_PART, pseudonyms.rows(_PART, plain))
            with session.staged(_PART, spool) as stage:
                hashes = ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in _NAMES)
                session.execute(f"UPDATE {comments} AS t SET {hashes} FROM {stage} AS s WHERE {same_key(COMMENTS)}")  # noqa: S608
    return len(rows) < PORTION_ROWS


def erase(session: Session, business_id: str, is_forgotten: Callable[[str], bool]) -> int:
    """Delete the comments of forgotten commenters under an account's videos; gives their number.

    What `_comment_reads` says of the videos remembers how many are missing, as TikTok's counters go on counting them.

    Args:
        session: The warehouse.
        business_id: The account.
        is_forgotten: Tells it of an identifier as it is stored, in plain or hashed.
    """
    comments, reads = session.name_of(COMMENTS), session.name_of(COMMENT_READS)
    with session.transaction(step_lock("comments", business_id)):
        erased = 0
        for identifier in list(filter(is_forgotten, _identifiers(session, business_id))):
            of_this_one = f"FROM {comments} WHERE _business_id = ? AND unique_identifier = ?"
            ((number,),) = session.query(f"SELECT count(*) {of_this_one}", business_id, identifier)
            session.execute(
                f"UPDATE {reads} AS r SET left_out = coalesce(r.left_out, 0) + e.number FROM "  # noqa: S608
                f"(SELECT video_id, count(*) + coalesce(sum(replies), 0) AS number {of_this_one} "
                "AND _not_returned_since IS NULL GROUP BY video_id) AS e "
                "WHERE r._business_id = ? AND r.video_id = e.video_id",
                business_id,
                identifier,
                business_id,
            )
            session.execute(f"DELETE {of_this_one}", business_id, identifier)
            erased += number
    return erased


def leave_out(session: Session, stage: str, is_forgotten: Callable[[str], bool]) -> None:
    """Delete the comments of forgotten commenters from rows that are about to be written."""
    staged = [identifier for (identifier,) in session.query(f"SELECT DISTINCT unique_identifier FROM {stage}")]  # noqa: S608
    for identifier in staged:
        if identifier and is_forgotten(identifier):
            session.execute(f"DELETE FROM {stage} WHERE unique_identifier = ?", identifier)  # noqa: S608


def _identifiers(session: Session, business_id: str) -> Generator[str]:
    """The identifiers of all who commented on an account's videos, as they are stored, each once."""
    after = ""
    while rows := session.query(
        f"SELECT DISTINCT unique_identifier FROM {session.name_of(COMMENTS)} "  # noqa: S608
        "WHERE _business_id = ? AND unique_identifier > ? ORDER BY unique_identifier LIMIT ?",
        business_id,
        after,
        PORTION_ROWS,
    ):
        yield from (identifier for (identifier,) in rows)
        after = rows[-1][0]

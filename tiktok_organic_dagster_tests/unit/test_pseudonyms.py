"""Hashes in the place of names: the same for the same value and key, NULL and empty left, nothing else touched."""

import hashlib
import hmac

import pyarrow as pa

from tiktok_organic_dagster.tables import CATALOGUE, COMMENTS
from tiktok_organic_dagster.tables.pseudonyms import KEY_BYTES, LENGTH, Pseudonyms, is_pseudonym, new_key

KEY = "0f" * 32
NAMES = ["display_name", "profile_image", "unique_identifier", "user_id", "comment_author_username"]


def by_hand(column, text, key=KEY):
    return "hashed:" + hmac.new(bytes.fromhex(key), f"{column}\0{text}".encode(), hashlib.sha256).hexdigest()


def batch(*rows):
    whole = [{**dict.fromkeys(COMMENTS.column_names, None), **row} for row in rows]
    return pa.RecordBatch.from_pylist(whole, schema=COMMENTS.arrow_schema)


def test_names_ids_and_image_are_hashed_and_nothing_else():
    plain = {"comment_id": "1", "text": "@ada come here", "status": "PUBLIC", "likes": 3.0}
    rows = batch({**plain, **dict.fromkeys(NAMES, "Ada \N{SUNFLOWER}")})

    (hashed,) = Pseudonyms(KEY).rows(COMMENTS, rows).to_pylist()

    assert {name: hashed[name] for name in NAMES} == {name: by_hand(name, "Ada \N{SUNFLOWER}") for name in NAMES}
    assert len(set(hashed.values()) & {by_hand(name, "Ada \N{SUNFLOWER}") for name in NAMES}) == len(NAMES)
    assert hashed == {**rows.to_pylist()[0], **{name: hashed[name] for name in NAMES}}


def test_one_person_keeps_one_hash_and_null_and_empty_stay():
    values = ["ada", None, "bob", "", "ada"]
    rows = batch(*({"unique_identifier": value} for value in values))
    hashed = Pseudonyms(KEY).rows(COMMENTS, rows).column("unique_identifier").to_pylist()
    ada, bob = by_hand("unique_identifier", "ada"), by_hand("unique_identifier", "bob")
    assert hashed == [ada, None, bob, "", ada]
    assert Pseudonyms(KEY).rows(COMMENTS, batch()).num_rows == 0


def test_another_key_gives_other_hashes_and_no_key_is_shown():
    keys = {new_key() for _ in range(3)}
    column = COMMENTS.column("user_id")
    hashes = {Pseudonyms(key).of(column, "ada") for key in keys}
    assert len(hashes) == len(keys) == 3
    assert {len(bytes.fromhex(key)) for key in keys} == {KEY_BYTES}
    assert not any(key in repr(Pseudonyms(key)) or key in str(vars(Pseudonyms(key))) for key in keys)


def test_a_hash_is_told_from_a_name_by_its_whole_form():
    hashed = by_hand("user_id", "ada")
    assert len(hashed) == LENGTH
    assert is_pseudonym(hashed)
    assert not any(is_pseudonym(text) for text in (hashed[:-1], hashed + "0", hashed.upper(), hashed[7:], "hashed:"))
    pseudonyms = Pseudonyms(KEY)
    assert pseudonyms.of_stored(COMMENTS.column("user_id"), hashed) == hashed
    assert pseudonyms.of_stored(COMMENTS.column("user_id"), "ada") == hashed
    assert pseudonyms.of(COMMENTS.column("user_id"), hashed) == by_hand("user_id", hashed), (
        "whoever calls themselves so"
    )


def test_only_those_who_comment_are_named_and_all_that_names_is_personal():
    named = {(table.name, column.name) for table in CATALOGUE for column in table.columns if column.names_person}
    assert named == {(COMMENTS.name, name) for name in NAMES}
    assert all(COMMENTS.column(name).personal for name in NAMES)
    assert not set(NAMES) & set(COMMENTS.key)

"""The connected accounts: who may be read, with which tokens, and what was last read of them."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from tiktok_organic_dagster.accounts.account import Account, StepStatus, account_of_row, status_of_row
from tiktok_organic_dagster.accounts.commenters import Commenters
from tiktok_organic_dagster.accounts.tokens import Pair, StoredTokens, life_seconds, pair_of_row
from tiktok_organic_dagster.accounts.vault import Vault
from tiktok_organic_dagster.errors import ConfigurationError, UnknownAccountError
from tiktok_organic_dagster.state import (
    accounts,
    insert_into,
    place,
    reading,
    steps,
    to_epoch,
    utc_now,
    writing,
)
from tiktok_organic_dagster.tiktok.errors import clean, printable
from tiktok_organic_dagster.tiktok.oauth import OAuthClient, TokenGrant

MOVING = "its rows are being moved to another business_id, by tiktok-organic connect --replace"

CLOCKS_APART_S = 60.0
"""How far the clocks of two machines may be apart. A lease that reaches further is that of a clock since set back."""

NAMED = 10
"""Accounts that an error lists by name; the others are counted."""


class AccountStore:
    """Accounts, tokens and reading records in the state database; safe for threads and processes.

    Args:
        engine: The state database.
        vault: Encrypts the tokens.
        clock: The time of day.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self._vault = vault
        self._sleep = sleep

    @property
    def place(self) -> str:
        """Where the accounts are stored, for messages; without a password."""
        return place(self.engine)

    @property
    def commenters(self) -> Commenters:
        """What this database knows of those who comment on the accounts' videos."""
        return Commenters(self.engine, self._vault, self.clock)

    def accounts(self) -> list[Account]:
        """All connected accounts, by username."""
        with reading(self.engine) as connection:
            rows = connection.execute(sa.select(accounts)).all()
        return sorted(
            (account_of_row(row) for row in rows), key=lambda account: (account.username, account.business_id)
        )

    def find(self, name: str) -> Account:
        """The account with a username (with or without @, in any case) or business_id.

        Raises:
            UnknownAccountError: There is none; the text names those there are.
        """
        connected = self.accounts()
        wanted = name.strip().removeprefix("@").casefold()
        for account in connected:
            if account.business_id == name.strip():
                return account
        for account in connected:
            if account.username.casefold() == wanted:
                return account
        more = f" and {len(connected) - NAMED} more" if len(connected) > NAMED else ""
        known = ", ".join(f"@{account.username}" for account in connected[:NAMED]) + more
        hint = f"Connected are: {known}" if known else f"None is connected in {self.place}"
        raise UnknownAccountError(
            f"No connected account is named {clean(name)!r}. {hint}. To connect another: tiktok-organic connect"
        )

    def save(self, grant: TokenGrant, username: str, client_id: str, api_url: str) -> Account:
        """Store an account just authorized; one that is known already is renewed in place."""
        with writing(self.engine) as connection:
            self._put(connection, grant, {"username": _name(username), "client_id": client_id, "api_url": api_url})
        return self.find(grant.business_id)

    def rename(self, old_business_id: str, grant: TokenGrant, username: str, client_id: str, api_url: str) -> Account:
        """Store an account under a new business_id, in one transaction with forgetting the old one."""
        new = grant.business_id
        with writing(self.engine) as connection:
            connection.execute(accounts.delete().where(_is(new)))
            connection.execute(steps.delete().where(steps.c.business_id == new))
            connection.execute(accounts.update().where(_is(old_business_id)).values(business_id=new))
            connection.execute(steps.update().where(steps.c.business_id == old_business_id).values(business_id=new))
            self._put(connection, grant, {"username": _name(username), "client_id": client_id, "api_url": api_url})
        return self.find(new)

    def begin_move(self, business_id: str) -> None:
        """Let nothing be written of an account any more, as its rows are about to get another business_id."""
        self._update(_is(business_id), {"needs_authorization": MOVING})

    def give_up_move(self, account: Account) -> None:
        """The rows keep their business_id after all: the account is as it was."""
        begun = sa.and_(_is(account.business_id), accounts.c.needs_authorization == MOVING)
        self._update(begun, {"needs_authorization": account.needs_authorization})

    def may_be_written(self, business_ids: Iterable[str]) -> set[str]:
        """Those of some accounts whose rows may be written: connected, and with rows that stay where they are.

        To be asked under the lock of the rows: `begin_move` is called under it, too.
        """
        stays = sa.or_(accounts.c.needs_authorization.is_(None), accounts.c.needs_authorization != MOVING)
        with reading(self.engine) as connection:
            return {*business_ids} & {*connection.execute(sa.select(accounts.c.business_id).where(stays)).scalars()}

    def forget(self, business_id: str) -> None:
        """Forget an account with its tokens; rows in the warehouse stay."""
        with writing(self.engine) as connection:
            connection.execute(accounts.delete().where(_is(business_id)))
            connection.execute(steps.delete().where(steps.c.business_id == business_id))

    def tokens(self, business_id: str, oauth: OAuthClient) -> StoredTokens:
        """The account's access tokens, kept fresh through `oauth`.

        Raises:
            ConfigurationError: The account was connected at another API or with another app than `oauth` is set to.
        """
        account = self.find(business_id)
        if account.api_url != oauth.api_url:
            raise _connected_elsewhere(account, "TIKTOK_API_URL", account.api_url, oauth.api_url)
        if oauth.client_id and account.client_id != oauth.client_id:
            raise _connected_elsewhere(account, "TIKTOK_CLIENT_ID", account.client_id, oauth.client_id)
        return StoredTokens(self, business_id, oauth, clock=self.clock, sleep=self._sleep)

    def record_username(self, business_id: str, username: str) -> None:
        """Note the name that a reading showed."""
        name = _name(username)
        if name:
            changed = sa.and_(_is(business_id), accounts.c.username != name)
            with writing(self.engine) as connection:
                connection.execute(accounts.update().where(changed).values(username=name))

    def record_complete(self, business_id: str, step: str, read_at: datetime) -> None:
        """Note that a step read an account completely."""
        self._record(business_id, step, {"last_complete": to_epoch(read_at)})

    def record_error(self, business_id: str, step: str, text: str, at: datetime) -> None:
        """Note that a step failed on an account."""
        self._record(business_id, step, {"last_error": text, "last_error_at": to_epoch(at)})

    def status(self, business_id: str) -> dict[str, StepStatus]:
        """What was last read of an account, by step."""
        query = sa.select(steps).where(steps.c.business_id == business_id).order_by(steps.c.step)
        with reading(self.engine) as connection:
            return {row.step: status_of_row(row) for row in connection.execute(query)}

    def statuses(self) -> dict[tuple[str, str], StepStatus]:
        """What was last read of every account, by business_id and step."""
        with reading(self.engine) as connection:
            return {(row.business_id, row.step): status_of_row(row) for row in connection.execute(sa.select(steps))}

    def check_key(self) -> None:
        """Make sure that the key fits what is stored.

        Raises:
            ConfigurationError: It does not.
        """
        self.commenters.check_key()
        with reading(self.engine) as connection:
            for (token,) in connection.execute(sa.select(accounts.c.refresh_token)):
                self._vault.decrypt(token)

    def rotate_key(self) -> int:
        """Encrypt all that is secret with the first key; gives the number of accounts.

        A token that is refreshed meanwhile was encrypted with that key already, or is taken up in the next round.

        Raises:
            ConfigurationError: No key fits one of them; nothing was changed for that account.
        """
        self.commenters.rotate_key()
        rotated: set[str] = set()
        while True:
            with reading(self.engine) as connection:
                rows = [row for row in connection.execute(sa.select(accounts)) if row.business_id not in rotated]
            if not rows:
                return len(rotated)
            for row in rows:
                tokens = {name: getattr(row, name) for name in ("access_token", "refresh_token")}
                unchanged = sa.and_(_is(row.business_id), *(accounts.c[name] == text for name, text in tokens.items()))
                anew = {name: self._vault.rotate(text) for name, text in tokens.items()}
                if self._update(unchanged, anew):
                    rotated.add(row.business_id)

    def pair(self, business_id: str) -> Pair:
        """The stored tokens of an account; for `StoredTokens` alone.

        Raises:
            UnknownAccountError: It was disconnected meanwhile.
        """
        with reading(self.engine) as connection:
            return pair_of_row(self._known_row(connection, business_id), self._vault.decrypt)

    def username(self, business_id: str) -> str:
        """The account's name when last seen."""
        with reading(self.engine) as connection:
            return self._known_row(connection, business_id).username

    def take_lease(self, business_id: str, owner: str, now: float, until: float) -> bool:
        """Take the right to refresh, unless somebody holds it; atomic."""
        set_back = accounts.c.lease_until > until + CLOCKS_APART_S
        free = sa.or_(accounts.c.lease_owner.is_(None), accounts.c.lease_until <= now, set_back)
        return self._update(sa.and_(_is(business_id), free), {"lease_owner": owner, "lease_until": until})

    def renew_lease(self, business_id: str, owner: str, until: float) -> None:
        """Hold the right to refresh for longer."""
        self._update(sa.and_(_is(business_id), accounts.c.lease_owner == owner), {"lease_until": until})

    def end_lease(self, business_id: str, owner: str) -> None:
        """Give the right to refresh back."""
        held = sa.and_(_is(business_id), accounts.c.lease_owner == owner)
        self._update(held, {"lease_owner": None, "lease_until": 0.0})

    def replace_pair(self, business_id: str, version: int, grant: TokenGrant) -> bool:
        """Store a refreshed pair, unless a newer one than `version` is stored already."""
        current = sa.and_(_is(business_id), accounts.c.token_version == version)
        return self._update(current, self._refreshed(grant, self.clock()) | {"token_version": version + 1})

    def mark_needs_authorization(self, business_id: str, reason: str, version: int | None = None) -> bool:
        """Note that the owner has to connect again; with `version`, only if that pair is still the stored one."""
        current = _is(business_id)
        if version is not None:
            current = sa.and_(current, accounts.c.token_version == version)
        return self._update(current, {"needs_authorization": reason})

    def _refreshed(self, grant: TokenGrant, now: datetime) -> dict[str, Any]:
        """What a refresh changes; what the answer did not bring stays as it is."""
        values: dict[str, Any] = {
            "access_token": self._vault.encrypt(grant.access_token),
            "access_expires_at": to_epoch(grant.expires_at),
            "access_life_s": life_seconds(grant, now),
            "needs_authorization": None,
        }
        if grant.refresh_token:
            values["refresh_token"] = self._vault.encrypt(grant.refresh_token)
        if grant.refresh_expires_at is not None:
            values["refresh_expires_at"] = to_epoch(grant.refresh_expires_at)
        if grant.scopes:
            values["scopes"] = ",".join(sorted(grant.scopes))
        return values

    def _authorized(self, grant: TokenGrant, now: datetime) -> dict[str, Any]:
        """What a consent sets: all of it anew."""
        anew = {
            "scopes": ",".join(sorted(grant.scopes)),
            "refresh_token": self._vault.encrypt(grant.refresh_token),
            "refresh_expires_at": to_epoch(grant.refresh_expires_at),
            "authorized_at": to_epoch(now),
            "lease_owner": None,
            "lease_until": 0.0,
        }
        return self._refreshed(grant, now) | anew

    def _put(self, connection: Connection, grant: TokenGrant, labels: dict[str, str]) -> None:
        """Insert an account, or renew the one that is there."""
        now = self.clock()
        values = self._authorized(grant, now) | labels
        known = _row(connection, grant.business_id)
        if known is None:
            values |= {"business_id": grant.business_id, "connected_at": to_epoch(now), "token_version": 1}
            connection.execute(accounts.insert().values(**values))
        else:
            values["token_version"] = known.token_version + 1
            connection.execute(accounts.update().where(_is(grant.business_id)).values(**values))

    def _known_row(self, connection: Connection, business_id: str) -> Row[Any]:
        row = _row(connection, business_id)
        if row is None:
            raise UnknownAccountError(
                f"The account {business_id} is not connected in {self.place} any more. To read it again, connect it: "
                "tiktok-organic connect"
            )
        return row

    def _update(self, where: sa.ColumnElement[bool], values: dict[str, Any]) -> bool:
        with writing(self.engine) as connection:
            return connection.execute(accounts.update().where(where).values(**values)).rowcount == 1

    def _record(self, business_id: str, step: str, values: dict[str, Any]) -> None:
        with writing(self.engine) as connection:
            if _row(connection, business_id) is None:  # disconnected, or renamed, while it was read
                return
            row = insert_into(connection, steps).values(business_id=business_id, step=step, **values)
            connection.execute(row.on_conflict_do_update(index_elements=["business_id", "step"], set_=values))


def _name(username: str) -> str:
    """A name as it is stored: it is shown in many places, so what could steer a terminal stays out of the store."""
    return printable(username).removeprefix("@")


def _is(business_id: str) -> sa.ColumnElement[bool]:
    return accounts.c.business_id == business_id


def _row(connection: Connection, business_id: str) -> Row[Any] | None:
    return connection.execute(sa.select(accounts).where(_is(business_id))).one_or_none()


def _connected_elsewhere(account: Account, variable: str, then: str, now: str) -> ConfigurationError:
    return ConfigurationError(
        f"@{account.username} was connected with {variable}={then}, but it is now {now}. Set it back, or connect the "
        "account anew: tiktok-organic connect"
    )

"""The errors that users meet; each one is a sentence that names the thing and what to do next."""

# An @ that is not escaped ends the password where it stands; what follows would be shown as the name of the server.
MORE_THAN_ONE_AT = (
    "holds more than one @. In a user name or a password write @ as %40, : as %3A, / as %2F and # as %23."
)


class TikTokOrganicError(Exception):
    """Base of all errors of this project whose text is written for the person who reads it."""


class ConfigurationError(TikTokOrganicError):
    """A setting, key, folder or database URL cannot be used as it is."""


class StateError(TikTokOrganicError):
    """The state database, which holds accounts, tokens and request budgets, does not do what it is asked."""


class UnknownAccountError(TikTokOrganicError):
    """No connected account has this name."""


class AlertError(TikTokOrganicError):
    """A way to tell people of trouble did not take a message."""

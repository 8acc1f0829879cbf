"""The errors that users meet; each one is a sentence that names the thing and what to do next."""


class TikTokOrganicError(Exception):
    """Base of all errors of this project whose text is written for the person who reads it."""


class ConfigurationError(TikTokOrganicError):
    """A setting, key, folder or database URL cannot be used as it is."""


class StateError(TikTokOrganicError):
    """The state database, which holds accounts, tokens and request budgets, does not do what it is asked."""


class UnknownAccountError(TikTokOrganicError):
    """No connected account has this name."""

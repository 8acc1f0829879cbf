"""The errors that users meet; each one is a sentence that names the thing and what to do next."""


class TikTokOrganicError(Exception):
    """Base of all errors of this project whose text is written for the person who reads it."""


class ConfigurationError(TikTokOrganicError):
    """A setting, key, folder or database URL cannot be used as it is."""

"""What a server says no to, beside input that cannot be."""

from visus._errors import InputError


class Missing(InputError):
    """There is no such thing here."""


class Forbidden(InputError):
    """This server was not started for that."""

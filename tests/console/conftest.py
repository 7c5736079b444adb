"""The world of the REST tests, for the console as well."""

from tests.api.conftest import world

__all__ = ["world"]

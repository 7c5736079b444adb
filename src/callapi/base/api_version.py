"""The version of the REST API that records and requests carry (`ApiVersion`, `api_version`)."""

from typing import Final

API_VERSION: Final = "2012-04-24"

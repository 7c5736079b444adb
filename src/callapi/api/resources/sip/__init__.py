"""`SIP/…`: Twilio's faces of numbers, clients and trunks.

A domain leads calls to `sip:anything@its.name` to its voice URL. A credential is a client, enabled while its list is
mapped to a domain. An address may call without a password while its list is mapped.
"""

from callapi.api.resources.sip import access_control_lists, credential_lists, domains, mappings

OPERATIONS = (
    *domains.OPERATIONS,
    *credential_lists.OPERATIONS,
    *access_control_lists.OPERATIONS,
    *mappings.OPERATIONS,
)

__all__ = ["OPERATIONS"]

"""The transactions of RFC 3261 §17, one machine per file, and which message belongs to which of them.

Pure: a machine takes an input and the present instant and returns what is to be done. Nothing here knows dialogs.
"""

from callapi.sip.transaction.invite_client import InviteClient, cancel_for
from callapi.sip.transaction.invite_server import InviteServer
from callapi.sip.transaction.non_invite_client import NonInviteClient
from callapi.sip.transaction.non_invite_server import NonInviteServer
from callapi.sip.transaction.table import MAGIC_COOKIE, TransactionTable

__all__ = [
    "MAGIC_COOKIE",
    "InviteClient",
    "InviteServer",
    "NonInviteClient",
    "NonInviteServer",
    "TransactionTable",
    "cancel_for",
]

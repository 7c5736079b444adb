"""Which transaction a message belongs to: RFC 3261 §17.1.3 (client), §17.2.3 (server), §9.2 and §8.2.2.2.

A branch without the magic cookie, or with nothing behind it (RFC 4475 §3.2.1), falls back to the rules for
RFC 2543; there the To tag is left out of the comparison, since an ACK has one that its INVITE had not.
"""

from typing import Generic, TypeVar

from callapi.sip.messages.message import Request, Response

MAGIC_COOKIE = "z9hG4bK"

Client = TypeVar("Client")
Server = TypeVar("Server")
ServerKey = tuple[str, ...]
ClientKey = tuple[str, str]
MergeKey = tuple[str, str | None, str]


def server_key(request: Request, method: str | None = None) -> ServerKey:
    """What identifies the server transaction of a request; `method` stands in for its own (CANCEL, ACK)."""
    via = request.via
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    branch = via.branch
    if branch is not None and branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return (branch, via.host, str(via.port), method)
    cseq = str(request.cseq.number)
    return (str(request.uri), request.from_.tag or "", request.call_id, cseq, str(via), method)


def client_key(request: Request) -> ClientKey:
    """What identifies the client transaction of a request of ours, whose only Via we wrote ourselves."""
    via = request.headers.get("Via") or ""
    return (via.partition(";branch=")[2].partition(";")[0], request.method)


def answered_key(response: Response) -> ClientKey:
    """What identifies the client transaction that a response answers."""
    return (response.via.branch or "", response.cseq.method)


def _merge_key(request: Request) -> MergeKey:
    return (request.call_id, request.from_.tag, request.headers.get("CSeq") or "")


class TransactionTable(Generic[Client, Server]):
    """The live transactions, found by what a message says."""

    __slots__ = ("_clients", "_merges", "_servers")

    def __init__(self) -> None:
        self._clients: dict[ClientKey, Client] = {}
        self._servers: dict[ServerKey, Server] = {}
        self._merges: dict[MergeKey, ServerKey] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def for_response(self, response: Response) -> Client | None:
        """The client transaction that a response answers."""
        return self._clients.get(answered_key(response))

    def for_client(self, key: ClientKey) -> Client | None:
        """The client transaction with this key."""
        return self._clients.get(key)

    def for_request(self, key: ServerKey) -> Server | None:
        """The server transaction with this key."""
        return self._servers.get(key)

    def to_be_cancelled(self, cancel: Request) -> Server | None:
        """The INVITE that a CANCEL is for (§9.2): of its branch and sent-by; failing that, an INVITE of the same
        branch, Call-ID, From tag and CSeq number, since some proxies write another sent-by into the CANCEL's Via.
        """
        found = self._servers.get(server_key(cancel, "INVITE"))
        if found is not None:
            return found
        key = self._merges.get((cancel.call_id, cancel.from_.tag, f"{cancel.cseq.number} INVITE"))
        is_same_branch = key is not None and key[0] == cancel.via.branch
        return self._servers.get(key) if key is not None and is_same_branch else None

    def is_merged(self, request: Request) -> bool:
        """Whether a request came before by another way (§8.2.2.2: 482). Ask only when it has no transaction."""
        return request.to.tag is None and _merge_key(request) in self._merges

    def add_client(self, key: ClientKey, transaction: Client) -> None:
        """Enter the transaction of a request of ours."""
        self._clients[key] = transaction

    def add_server(self, key: ServerKey, request: Request, transaction: Server) -> MergeKey | None:
        """Enter the transaction of a request that came; returns the other key that `remove_server` needs."""
        self._servers[key] = transaction
        if request.to.tag is not None:
            return None
        merge_key = _merge_key(request)
        self._merges[merge_key] = key
        return merge_key

    def remove_client(self, key: ClientKey) -> None:
        """Forget a client transaction."""
        self._clients.pop(key, None)

    def remove_server(self, key: ServerKey, merge_key: MergeKey | None) -> None:
        """Forget a server transaction."""
        self._servers.pop(key, None)
        if merge_key is not None:
            self._merges.pop(merge_key, None)

    def clear(self) -> None:
        """Forget everything, at the very end."""
        self._clients.clear()
        self._servers.clear()
        self._merges.clear()

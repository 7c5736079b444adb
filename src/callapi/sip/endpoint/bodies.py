"""The session description of a request whose body holds more than that (RFC 5621), and of one that may be ignored."""

from email import message_from_bytes, policy

from callapi.sip.messages.message import Request

SDP = "application/sdp"
MAX_PARTS = 16
WITH_DESCRIPTION = frozenset({"INVITE", "UPDATE", "PRACK", "ACK"})


def keep_description(request: Request) -> None:
    """Make `application/sdp` the whole body: out of a multipart, or none if the body is something else."""
    content_type = request.content_type
    if (
        request.method not in WITH_DESCRIPTION
        or not request.body
        or content_type == SDP
        or content_type is None
    ):
        return
    body = b""
    if content_type.startswith("multipart/"):
        head = f"Content-Type: {request.headers.get('Content-Type')}\r\n\r\n".encode()
        whole = message_from_bytes(head + request.body, policy=policy.default)
        for part in list(whole.walk())[:MAX_PARTS]:
            payload = part.get_payload(decode=True)
            if part.get_content_type() == SDP and isinstance(payload, bytes):
                body = payload
                break
    request.body = body
    if body:
        request.headers.set("Content-Type", SDP)
    else:
        request.headers.remove("Content-Type")

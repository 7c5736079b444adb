"""Why a called phone was never reached, as a notification for the developer of the application."""

from callapi.calls.call import Call
from callapi.calls.errors import CREDENTIALS_WANTED, UNREACHABLE, UNUSABLE_ANSWER
from callapi.calls.problem import Problem
from callapi.sip import Party

_SILENCE = "no response to the INVITE"


def unreachable_reason(call: Call) -> Problem | None:
    """The failure of the way to the peer (a name, a connection, a certificate), or of what it asked for or answered.

    None: it was reached, it refused, or we hung it up.
    """
    ending = call.ended.value if call.ended.is_set else None
    if ending is None or ending.sip_status is None:
        return None
    if ending.by is Party.NETWORK:
        reason = _SILENCE if ending.sip_status == 408 else ending.reason
        return Problem(UNREACHABLE, f"it cannot be reached: {reason}")
    if ending.by is Party.LOCAL and ending.sip_status == 200:
        return Problem(UNUSABLE_ANSWER, "it was hung up again: its 200 has no audio that can be used")
    if ending.by is Party.REMOTE and ending.sip_status in {401, 407}:
        text = (
            f"it answered {ending.sip_status}: it wants a username and password, and got none that it takes"
        )
        return Problem(CREDENTIALS_WANTED, text)
    return None

"""The machine of one INVITE session, in parts; pure: time and entropy are arguments, bodies are opaque."""

from callapi.sip.invite_session.machine import InviteSession
from callapi.sip.invite_session.usage import SessionSettings, Usage

__all__ = ["InviteSession", "SessionSettings", "Usage"]

"""Floor 2, the domain: legs, calls, their status, the bridge, the live directory and the journal.

What a call does is decided above (`verbs/`, through the `Script` that `node/` hands in); how a phone or the media
plane is driven is decided below (`sip/`, `media/`).
"""

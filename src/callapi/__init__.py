"""CallAPI: a self-hosted programmable-voice server. SIP in, RCML decides, real audio.

The floors of the package, and what may import what, are drawn in `docs/architecture.md`.
"""

__version__ = "0.1.0"

"""The timers of RFC 3261 table 4 (and RFC 6026 for L and M), in seconds."""

from enum import StrEnum

T1 = 0.5
"""Round-trip time estimate (§17.1.1.1)."""
T2 = 4.0
"""The longest interval between retransmissions of non-INVITE requests and INVITE responses."""
T4 = 5.0
"""The longest that a message stays in the network."""
T1_64 = 64 * T1
"""Timers B, F, H, J, L and M: how long a transaction waits for its peer, or for its peer's retransmissions."""


class Timer(StrEnum):
    """By the RFC's letters."""

    A = "A"  # INVITE request retransmission, unreliable transports
    B = "B"  # INVITE transaction timeout
    D = "D"  # wait for retransmissions of a final response >= 300
    E = "E"  # non-INVITE request retransmission, unreliable transports
    F = "F"  # non-INVITE transaction timeout
    G = "G"  # INVITE response retransmission, unreliable transports
    H = "H"  # wait for the ACK
    I = "I"  # noqa: E741 -- RFC 3261 calls it so: wait for retransmissions of the ACK
    J = "J"  # wait for retransmissions of a non-INVITE request
    K = "K"  # wait for retransmissions of a non-INVITE response
    L = "L"  # RFC 6026: wait for retransmissions of an accepted INVITE
    M = "M"  # RFC 6026: wait for retransmissions of 2xx, and for 2xx of other forks

"""Several nodes as one service: who is up, who takes over from whom, commands to the node that has a call."""

from callapi.cluster.commands import Commands, NodeGone
from callapi.cluster.lease import Lease
from callapi.cluster.member import Member
from callapi.cluster.membership import Membership
from callapi.cluster.takeover import Heir, Takeover

__all__ = ["Commands", "Heir", "Lease", "Member", "Membership", "NodeGone", "Takeover"]

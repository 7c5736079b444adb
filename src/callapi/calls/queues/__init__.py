"""Queues of callers: who waits, in which order, and who is served.

`line` holds the order and does no I/O; `queue` joins callers who wait with agents who dial in; `directory` finds the
queues of this node. Those who wait are live calls: a queue's members are on the node that has their calls.
"""

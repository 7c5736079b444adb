"""Queues of callers: who waits, in which order, and who is served.

`line` holds the order and does no I/O; `queue` joins callers who wait with agents who dial in; `directory` finds the
queues that calls of this node use; `elsewhere` is what this room needs of other nodes, where there are any. Those who
wait are live calls: each is on the node that has it.
"""

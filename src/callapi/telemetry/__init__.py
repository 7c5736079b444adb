"""Floor 4, telemetry: what leaves the node for the tools of operators: log lines of calls, traces, HEP.

Each is a subscriber of the bus of call events, made only where it is configured: switched off it costs nothing.
"""

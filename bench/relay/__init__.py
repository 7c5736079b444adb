"""RTP between the legs of many calls: what a packet costs, and how long it takes. `python -m bench.relay --help`."""

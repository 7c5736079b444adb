"""Floor 5, the command line: `callapi serve`, `phone`, `rcml`, `doctor`, `demo`. Nothing is decided here.

What lives here: reading arguments, printing, and phones to try things with. `arguments` describes every command; the
command NAME is done by `run` in the module NAME, which is imported only then.
"""

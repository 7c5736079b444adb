"""The style of the plain pages of this room: `/docs`, and the pages of codes."""

from typing import Final

STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem 1.5rem;color:#1c2530}
h1,h2,h3{line-height:1.2}h2{border-top:1px solid #d5dbe1;margin-top:2.5rem;padding-top:1.5rem}
h3{margin:2rem 0 .25rem}code,pre{font:14px/1.45 ui-monospace,monospace;background:#f2f4f7;border-radius:4px}
code{padding:.1em .3em}pre{padding:.8rem 1rem;overflow:auto}table{border-collapse:collapse;margin:.5rem 0;width:100%}
td,th{border-bottom:1px solid #e3e7ec;padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
nav a{margin-right:1rem}.path{font-family:ui-monospace,monospace}.verb{font-weight:600}
@media(prefers-color-scheme:dark){body{background:#14181d;color:#dde3ea}code,pre{background:#222830}
a{color:#8ab4f8}td,th,h2{border-color:#2d343d}}
"""

"""Floor 3: what a document makes a call do. The interpreter, one executor for each verb, and screening.

A story is a plain `async def` read from top to bottom; its early end is the cancellation of its task. An executor
returns `Next`, `GoTo` or `End`; nothing else leads the story.
"""

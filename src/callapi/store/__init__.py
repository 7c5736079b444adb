"""What is kept. Tables, migrations, one repository per table, one writer; an in-memory twin with the same door.

Nothing here knows what a call is for: records come in as values and go out as values. SQL stays in this room.
"""

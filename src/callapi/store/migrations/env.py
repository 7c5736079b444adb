"""Alembic's entry: run the steps on the connection that `upgrade` has handed over, inside its transaction."""

from alembic import context

from callapi.store.sql.tables import METADATA

# SQLite cannot alter a column in place: alembic's batch mode copies the table.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)
context.run_migrations()

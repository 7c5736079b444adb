"""The SQL side of the store: tables, engines, migrations."""

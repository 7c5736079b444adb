"""Reading: one record, pages of records, and look-ups kept in memory."""

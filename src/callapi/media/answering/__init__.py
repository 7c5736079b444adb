"""Who has answered a call: a person, a machine, or a fax."""

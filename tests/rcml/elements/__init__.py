"""One file for each verb and noun, attribute by attribute, in the order of the reference."""

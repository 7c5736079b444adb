"""`callapi doctor`: what a node needs, checked."""

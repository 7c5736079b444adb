"""The documents that run on a call: what is asked next, where one stands, and the tasks that run them."""

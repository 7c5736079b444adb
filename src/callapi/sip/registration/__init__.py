"""The registrar: bindings, REGISTER, and keep-alive of registered phones."""

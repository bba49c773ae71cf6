"""People, tokens, roles: who may do what."""

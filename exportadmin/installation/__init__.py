"""Which installation this is, and that its folder is its own."""

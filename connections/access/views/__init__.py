"""Pages on accounts, members and tokens."""

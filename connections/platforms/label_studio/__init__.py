"""Label Studio: its projects mirrored, and its snapshots made, fetched and proved."""

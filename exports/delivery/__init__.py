"""What a run writes and what is read back: manifest, verification, files as they were delivered."""

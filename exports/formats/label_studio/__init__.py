"""Files as Label Studio writes them, of every project."""

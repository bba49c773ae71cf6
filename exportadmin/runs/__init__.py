"""What everything that runs in the background has."""

"""What the help pages say."""

"""The trail in the browser: found, read, checked, exported, and asked the reviewers' usual questions."""

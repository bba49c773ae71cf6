"""Real servers and processes at length: `make test-platforms` runs these, `make test` does not."""

"""Peers that do the same work: each runs in its own process, most in an environment of their own."""

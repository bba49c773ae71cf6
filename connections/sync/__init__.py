"""Mirrors: projects of labelling platforms, kept up to date in the built-in store by syncs, which are a kind of run."""

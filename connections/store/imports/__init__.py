"""Imports: rows from a file into a project, as a kind of run."""

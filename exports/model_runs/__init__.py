"""Runs of models: which a project has, and what they found compared with its labels."""

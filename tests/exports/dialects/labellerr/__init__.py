"""Labellerr's."""

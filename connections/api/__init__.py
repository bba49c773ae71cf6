"""Connections in REST."""

"""Addresses of the pages."""

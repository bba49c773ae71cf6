"""Labelbox: exports that it makes are asked for, looked at and fetched; its rows come in through one of them."""

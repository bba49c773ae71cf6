"""Puts :mod:`tests.runs.stub.pipeline` in the place of ``exports.pipeline``."""

"""Puts :mod:`tests.exportadmin.runs.stub.pipeline` in the place of ``exports.run.pipeline``."""

"""Has exports carried out by :mod:`tests.exportadmin.runs.stub.runner`."""

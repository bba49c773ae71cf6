"""kill -9 of everything, over and over, with the real pipeline. ``make soak``; a sample is in ``make test``."""

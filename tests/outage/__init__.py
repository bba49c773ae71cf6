"""PostgreSQL goes away under load and comes back. ``python -m tests.outage``; a sample is in ``make test``."""

"""The audit trail: who did what, when, through which channel, and how it ended; append-only and chained by hashes."""

"""The audit trail: who did what, when, through which door, and how it ended; append-only and chained by hashes."""

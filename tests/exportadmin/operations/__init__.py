"""Health, metrics, logs, boot checks, retention, the sign-in throttle, outages."""

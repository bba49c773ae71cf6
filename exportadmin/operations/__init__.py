"""What runs an installation: boot checks, probes, metrics, logs, proxies. May look up; nothing imports it."""

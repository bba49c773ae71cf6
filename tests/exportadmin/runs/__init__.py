"""Claims, leases, reaper, worker and supervisor."""

"""How an export runs, and what becomes of its files later."""

"""Forms of exports."""

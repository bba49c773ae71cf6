"""What an export is asked to do: spec, conditions, plan."""

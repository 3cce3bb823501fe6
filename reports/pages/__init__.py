"""Tables joined with results, and their formats."""

"""Ground-truth labels: clean-up rules and the exclusion zone. Pure functions on arrays, axes z, y, x."""

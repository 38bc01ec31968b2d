"""Clathrin-coated pits and vesicles: parameters."""

"""Coated pits, coated vesicles and caveolae: their class, and their size in nm."""

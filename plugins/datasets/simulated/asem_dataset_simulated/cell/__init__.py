"""A whole cell, or a part of one, with every organelle known: the named cells and the preset ``cell``."""

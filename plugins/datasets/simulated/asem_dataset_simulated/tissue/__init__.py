"""A cut-out of neuropil with known mitochondria and ER: the preset ``tissue``."""

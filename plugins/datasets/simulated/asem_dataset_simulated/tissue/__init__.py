"""A cut-out of neuropil with known mitochondria: the preset ``tissue``."""

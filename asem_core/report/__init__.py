"""A page that tells what an analysis measured, from its output folder."""

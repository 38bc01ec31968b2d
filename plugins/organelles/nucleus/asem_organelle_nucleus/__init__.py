"""Nuclei: parameters."""

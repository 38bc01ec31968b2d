"""Endoplasmic reticulum: parameters."""

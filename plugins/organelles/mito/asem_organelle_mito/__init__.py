"""Mitochondria: parameters, recipe and trained models."""

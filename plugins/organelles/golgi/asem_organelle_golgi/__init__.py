"""Golgi apparatus: parameters."""

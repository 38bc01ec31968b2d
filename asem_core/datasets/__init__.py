"""Registered data sets: where their volumes are, and fetching a part of one."""

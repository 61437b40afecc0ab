"""Slow, independent and obvious versions of what the package computes, to compare it with."""

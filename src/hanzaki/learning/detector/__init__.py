"""Detectors that learn from drawn boxes: where in a photograph is the animal, or its head."""

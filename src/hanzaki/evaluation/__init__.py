"""Evaluation: judges models and matchers, with the same code that the field runs."""

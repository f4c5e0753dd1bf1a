"""The shipped models that are taken if nothing else is said; here, so that the CLI need not load their users."""

from __future__ import annotations

#: What compares animals.
MODEL = "marks"

#: What finds animals.
DETECTOR = "heads"

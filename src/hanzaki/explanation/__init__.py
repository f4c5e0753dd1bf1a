"""Why: what in the pictures an answer rests on, as arrays and as drawings."""

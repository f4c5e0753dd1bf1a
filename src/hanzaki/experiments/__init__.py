"""Experiments: the papers' questions, put to anybody's animals; each ends in a table, a figure and a page."""

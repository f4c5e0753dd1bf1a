"""Fieldwork: leads photographs through the rooms, from files to names."""

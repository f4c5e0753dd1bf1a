"""The catalogue: what one team knows of its animals, and the folder that holds it."""

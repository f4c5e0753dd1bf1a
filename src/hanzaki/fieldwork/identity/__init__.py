"""Who is who: encounters compared with a catalogue's animals, what is made of it, and what is put right.

``method`` says how animals are compared and ``matcher`` compares them; others are commands and their parts.
"""

"""Data sets that others published: fetched whole and sure, unpacked with care, laid out as an annotation table."""

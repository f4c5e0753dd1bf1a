"""Reports: results that people would rather look at than read. Needs the extra ``learn``."""

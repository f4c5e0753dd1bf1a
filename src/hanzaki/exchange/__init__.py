"""Exchange: other programs' formats, one file a format, all through the one annotations type."""

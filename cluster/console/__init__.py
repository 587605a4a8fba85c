"""What commands print and how they end: tables, exit codes, output that may go away, text encodings."""

"""Reading a sweep file: overrides from the command line, checks across keys, and every error at once."""

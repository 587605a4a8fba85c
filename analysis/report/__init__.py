"""The report of a sweep: a document, written as Markdown, as a page, and for the terminal."""

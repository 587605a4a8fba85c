"""The storage folder: where it is, what a sweep keeps in it, and what is recorded there."""

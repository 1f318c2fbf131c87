"""What makes the site beside Sphinx: extensions of it, and the pages that are written from code."""

"""Tells people of trouble: what is wrong now, who was told of it, and the ways that a message takes."""

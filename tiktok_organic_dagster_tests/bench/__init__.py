"""The benchmark: what this loader costs, beside what a user would pick instead. Run by `make bench`."""

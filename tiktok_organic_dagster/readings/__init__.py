"""One account's reading of each step: pages, spool, validation, one transaction."""

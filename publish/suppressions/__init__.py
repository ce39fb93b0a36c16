"""Who said stop: the ledger of a root, and the lists that are recorded in it.

`ledger.record` adds a list to the ledger, `ledger.read_ledger` reads it, and
`entries.suppressed` says who is suppressed.
"""

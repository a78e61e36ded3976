"""The workers: what is new in the store becomes charges, for any number of accounts at once."""

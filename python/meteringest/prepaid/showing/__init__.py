"""An account as people are shown it: its terms, its balance, how long it lasts, its statement."""

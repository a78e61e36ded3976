"""Postpaid: bills, what is overdue, what lateness costs, what was recovered."""

"""Rules that the terms of a task card choose by number: how to merge, to weigh and to pay."""

"""What nodes and the coordinator do in a round: a module for each role, and what they share."""

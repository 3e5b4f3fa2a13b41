"""File names of the agreed documents, in a run, a node's folder and a bundle of evidence."""

CARD, LAYOUT = "card.json", "layout.json"

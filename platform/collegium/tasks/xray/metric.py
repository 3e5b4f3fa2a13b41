"""What the dialogue reports its quality in."""

from collegium.tasks.task import Metric

AUC = "AUC, yes/no"
"""Part of a quality: area under the ROC curve of the yes/no questions, from the probabilities of
the two answers."""

METRIC = Metric("answer accuracy", "higher", ".1%", {AUC: ".3f"})
"""Share of answers that are right word for word, without regard to case."""

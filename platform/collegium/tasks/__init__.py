"""What is fine-tuned: model, data, training and the utility that contributions are measured by.

Importing this package is cheap; torch is loaded by ``load_task``.
"""

from collegium.tasks.task import Answer, Evaluation, Score, Task, load_task
from collegium.tasks.xray.recipe import Recipe

__all__ = ["Answer", "Evaluation", "Recipe", "Score", "Task", "load_task"]

"""What is fine-tuned: model, data, training and the utility that contributions are measured by.

``task`` is the seam, ``registry`` the table of task kinds; each kind is a folder of its own.
Importing this package is cheap: a kind loads torch when it loads a model.
"""

"""The researcher's own model and data: nothing here knows Flower or Collegium.

Fifteen laboratory values are predicted from twenty others by a linear model. Each hospital measures
some inputs in a wide range and the others in a narrow one, so that it can teach others something.
"""

import numpy as np

INPUTS, OUTPUTS = 20, 15
_TRUE = np.random.default_rng(0).normal(0.0, 0.2, (INPUTS, OUTPUTS))


def initial() -> np.ndarray:
    """The untrained model: float32 [20, 15] of zeros."""
    return np.zeros((INPUTS, OUTPUTS), np.float32)


def examples(hospital: int, rows: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs [rows, 20] and targets [rows, 15] of one hospital; ``part`` is train or test."""
    rng = np.random.default_rng([hospital, {"train": 0, "test": 1}[part]])
    wide = np.arange(INPUTS) % 3 == hospital % 3
    scale = np.where(wide, 1.5, 0.3) if part == "train" else 1.0
    inputs = rng.normal(0.0, scale, (rows, INPUTS))
    return inputs, inputs @ _TRUE + rng.normal(0.0, 0.05, (rows, OUTPUTS))


def train(weights: np.ndarray, hospital: int, steps: int = 5) -> np.ndarray:
    """A few steps of gradient descent on a hospital's own examples."""
    inputs, targets = examples(hospital, 60, "train")
    for _ in range(steps):
        weights = weights - 0.3 * inputs.T @ (inputs @ weights - targets) / len(inputs)
    return weights.astype(np.float32)


def loss(weights: np.ndarray, hospital: int) -> float:
    """Mean squared error on a hospital's held-out examples; lower is better."""
    inputs, targets = examples(hospital, 80, "test")
    return float(np.mean((inputs @ weights - targets) ** 2))

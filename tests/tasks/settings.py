"""The recipe these tests train with: few steps, small batches."""

from dataclasses import replace

from collegium.tasks import Recipe

QUICK = replace(Recipe(), local_steps=4, batch=8, warmup=0)

"""The recipe these tests train with: few steps, small batches."""

from dataclasses import replace

from collegium.tasks.xray.recipe import Recipe

QUICK = replace(Recipe(), local_steps=4, batch=8, warmup=0, step=1.0, step_decay=1.0)

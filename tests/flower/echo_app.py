"""A ClientApp without a model, for the tests of the grid."""

import os

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    if context.node_config.get("broken"):
        raise RuntimeError("site broke")
    calls = context.state["n"]["calls"] + 1 if "n" in context.state else 1
    context.state["n"] = MetricRecord({"calls": calls})
    arrays = [a + context.node_config["add"] for a in message.content["arrays"].to_numpy_ndarrays()]
    metrics = MetricRecord({"num-examples": 1, "calls": calls, "pid": os.getpid()})
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
    return Message(content, reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    value = float(np.mean(message.content["arrays"].to_numpy_ndarrays()[0]))
    metrics = MetricRecord({"num-examples": 1, "loss": (value - 2.0) ** 2})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)

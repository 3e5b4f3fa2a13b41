"""The hospital's side: an ordinary Flower ClientApp, and one line that makes it verified."""

import model
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from collegium.flower import attest

app = ClientApp(mods=[attest()])  # was: ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    weights = message.content["arrays"]["weights"].numpy()
    weights = model.train(weights, int(context.node_config["hospital"]))
    arrays = ArrayRecord({"weights": Array(weights)})
    metrics = MetricRecord({"num-examples": 60})
    return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    weights = message.content["arrays"]["weights"].numpy()
    loss = model.loss(weights, int(context.node_config["hospital"]))
    metrics = MetricRecord({"num-examples": 80, "loss": loss})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)

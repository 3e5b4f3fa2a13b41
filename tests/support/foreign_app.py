"""A researcher's Flower app that knows nothing about chains: linear regression in numpy.

Its only line from Collegium is ``ClientApp(mods=[attest()])``.
"""

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from tests.support.world import LAYOUT, site

from collegium.flower import attest

app = ClientApp(mods=[attest()])


@app.train()
def train(message: Message, context: Context) -> Message:
    if context.node_config.get("broken") == "train":
        raise RuntimeError("out of memory")
    weights = message.content["arrays"]["w"].numpy()
    learned = site(context.node_config["site"]).learn(LAYOUT.flatten({"w": weights}))
    content = RecordDict(
        {
            "arrays": ArrayRecord({"w": Array(LAYOUT.unflatten(learned)["w"])}),
            "metrics": MetricRecord({"num-examples": 60, "server-round": _round(message)}),
        }
    )
    return Message(content, reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    if context.node_config.get("broken") == "evaluate":
        raise RuntimeError("disk full")
    weights = message.content["arrays"]["w"].numpy()
    loss = site(context.node_config["site"]).loss(LAYOUT.flatten({"w": weights}))
    metrics = MetricRecord({"num-examples": 80, "loss": loss})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


def _round(message: Message) -> int:
    return int(message.content["config"].get("server-round", 0))

"""The server's side: an ordinary Flower ServerApp, and one line that makes it verified."""

from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from collegium.flower import Verified

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    fedavg = FedAvg(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3)
    strategy = Verified.open(fedavg, str(context.run_config["federation"]))  # was: fedavg
    result = strategy.start(
        grid=grid,
        initial_arrays=strategy.arrays(),
        num_rounds=int(context.run_config["rounds"]),
    )
    context.state["arrays"] = result.arrays or ArrayRecord()

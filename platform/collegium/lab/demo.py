"""A whole demonstration: create, train, verify, pay, merge, claim, audit, report."""

import json
import logging
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Context, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from collegium import evidence
from collegium.errors import RoundFailed
from collegium.flower.apps import load_agreed_task
from collegium.flower.grid import SERVER, LocalGrid
from collegium.flower.mod import HOME
from collegium.flower.round_report import RoundReport
from collegium.flower.strategy import Verified
from collegium.lab import measuring, quality, report, result, setup
from collegium.lab.attacks import ATTACK
from collegium.lab.display import Display
from collegium.lab.scenario import Scenario
from collegium.lab.setup import Founded
from collegium.lab.sites import Sites, choose_recipe, lay_out
from collegium.protocol import state
from collegium.queries import from_audit
from collegium.roles.coordinator import Coordinator
from collegium.store.states import find_state
from collegium.tasks.task import Quality, Recipe, Vector
from collegium.workspace.home import opening_keys
from collegium.workspace.owned import OwnedFolder, require_apart

RESULT = "demo.json"
"""File with the document of a demonstration, in its folder."""

_STATE = (
    "nodes", "store", "run.json", "chain.sqlite", "chain.sqlite-wal", "chain.sqlite-shm",
    "chain.json", "chain.lock", "chain.log", "ganache", "anvil.json",
)  # fmt: skip
_ENTRIES = (
    *_STATE, "data", "card.json", "layout.json", "adapter", "evidence.zip", "evidence.zip.partial",
    "report.html", RESULT, "run.json.partial", "chain.json.new",
)  # fmt: skip
_APP = "collegium.lab.app:app"


@opening_keys(setup.SECRET)
def run_demo(scenario: Scenario, display: Display) -> dict[str, Any]:
    """Run a scenario and return the document of ``collegium demo --json``.

    Everything is written below ``scenario.out``. What an earlier demonstration wrote there is
    removed first, and nothing else. After a failure, the same call can be repeated.

    Raises:
        RunExists: the folder contains other files.
        PathsOverlap: the data are inside the folder, or the other way round.
        CollegiumError: the federation could not continue.
    """
    if scenario.data is not None:
        require_apart(scenario.out, scenario.data)
    started, recipe = time.perf_counter(), choose_recipe(scenario)  # reads the data
    with OwnedFolder(scenario.out, _ENTRIES, _STATE).filling(display.say):
        document = _run(scenario, recipe, started, display)
        (scenario.out / RESULT).write_text(json.dumps(document, indent=1))
    return document


def _run(scenario: Scenario, recipe: Recipe, started: float, display: Display) -> dict[str, Any]:
    rounds = scenario.rounds or recipe.rounds
    with display.step("Laying out the hospitals' data"):
        sites = lay_out(scenario, recipe)
    for sentence in sites.sentences():
        display.say(sentence)
    with display.step(f"Starting the chain ({scenario.chain})"):
        chain = setup.open_chain(scenario)
    try:
        card = setup.write_card(scenario, sites, recipe, rounds)
        run = setup.create_federation(scenario, sites, card, chain, display)
        set_up = time.perf_counter()
        grid = _grid(scenario, run, sites)
        try:
            strategy = _train(run, grid, rounds, display)
            trained = time.perf_counter()
            _claim(run, display)
            vector = state.to_float(strategy.state)
            measured = _measure(run, sites, grid, strategy, rounds, scenario, display)
        finally:
            grid.close()
        compared = time.perf_counter()
        files = _export(run, display)
        with display.step("Auditing the bundle, offline"):
            audited = evidence.audit(Path(files["evidence"]))
        load_agreed_task(run.card).save_adapter(vector, run.run / "adapter")
        document = _document(run, sites, strategy.reports, scenario, measured, files)
        document["audit"] = from_audit.document(audited)
    finally:
        chain.close()
    document["timing_s"] = _timing(strategy.reports, started, set_up, trained, compared)
    report.write(document, Path(files["report"]))
    return document


def _grid(scenario: Scenario, run: Founded, sites: Sites) -> LocalGrid:
    attacks = {member.name: member.attack for member in sites.members}
    nodes = {
        number + 1: {HOME: str(home.path), ATTACK: attacks[run.names[number]]}
        for number, home in run.homes.items()
    }
    return LocalGrid(_APP, nodes, workers=scenario.processes)


def _train(run: Founded, grid: LocalGrid, rounds: int, display: Display) -> Verified:
    """Run all rounds as a Flower ServerApp."""
    logging.getLogger("flwr").setLevel(logging.ERROR)  # the display shows the same progress
    coordinator = Coordinator(run.federation, fast_forward=True, notify=display.say)
    nodes = len(run.homes)
    strategy = Verified(
        FedAvg(fraction_evaluate=0.0, min_train_nodes=nodes, min_available_nodes=nodes),
        coordinator,
        run.layout,
        run.store,
        on_phase=display.phase,
        on_dispute=lambda view, rejection: display.disputed(
            view.id, result.dispute(run, view.id, rejection)
        ),
        on_round=display.round_over,
    )
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        strategy.start(
            grid=grid,
            initial_arrays=strategy.arrays(),
            num_rounds=rounds,
            train_config=ConfigRecord(),
        )

    display.expect_rounds(rounds)
    app(grid, Context(run_id=1, node_id=SERVER, node_config={}, state=RecordDict(), run_config={}))
    if not any(entry.state_root for entry in strategy.reports):
        raise RoundFailed(
            expected="at least one round that ends on a merged state",
            found="; ".join(strategy.reports[-1].errors) or "only cancelled rounds",
            action="Fix what the nodes report, and run the same command again.",
        )
    return strategy


def _claim(run: Founded, display: Display) -> None:
    with display.step("Nodes claim what they earned", len(run.homes)) as step:
        for number, home in run.homes.items():
            account = home.keyring().account
            if run.federation.due(number):
                run.federation.using(account).claim(number)
            if run.federation.owed(account.address):
                run.federation.using(account).collect(account.address)
            step.advance(run.names[number])


def _measure(
    run: Founded,
    sites: Sites,
    grid: LocalGrid,
    strategy: Verified,
    rounds: int,
    scenario: Scenario,
    display: Display,
) -> dict[str, Any]:
    """Measure all models on ``reference``.

    These are the base, every hospital alone, the federation after each round, and pooled data.
    """
    card, reference = run.card.encode(), str(sites.reference)
    folders = {member.name: str(member.data) for member in sites.honest}
    seed = scenario.seed
    jobs: dict[tuple[str, str], Future[Quality]] = {}
    # The longest job starts first, so that the others fill the time of the other processes.
    pooled = (card, list(folders.values()), reference, rounds, seed)
    jobs["model", "centralised"] = grid.submit(measuring.pooled, *pooled)
    for name, folder in folders.items():
        job = grid.submit(measuring.alone, card, folder, reference, rounds, seed)
        jobs["local", name] = job
    for index, vector in enumerate([None, *_states(run, strategy)]):
        jobs["round", str(index)] = grid.submit(measuring.evaluate, card, vector, reference)
    with display.step("Comparing with every hospital alone and with pooled data", len(jobs)) as s:
        measured: dict[tuple[str, str], Quality] = {}
        for key, job in jobs.items():
            measured[key] = job.result()
            s.advance(key[1])
    curve = [measured["round", str(index)] for index in range(rounds + 1)]
    return quality.document(
        scenario.kind.metric,
        base=curve[0],
        local={name: measured["local", name] for name in folders},
        curve=curve,
        centralised=measured["model", "centralised"],
    )


def _states(run: Founded, strategy: Verified) -> list[Vector]:
    """State after each round, float32; a cancelled round keeps the state before it."""
    vectors: list[Vector] = []
    root = bytes.fromhex(run.card.genesis)
    for entry in strategy.reports:
        root = entry.state_root or root
        vectors.append(state.to_float(find_state(run.store, run.layout, root)))
    return vectors


def _export(run: Founded, display: Display) -> dict[str, str]:
    bundle = run.run / "evidence.zip"
    with display.step("Exporting the evidence"):
        evidence.export(run.run, bundle)
    return {
        "evidence": str(bundle),
        "report": str(run.run / "report.html"),
        "adapter": str(run.run / "adapter"),
    }


def _document(
    run: Founded,
    sites: Sites,
    reports: list[RoundReport],
    scenario: Scenario,
    measured: dict[str, Any],
    files: dict[str, str],
) -> dict[str, Any]:
    return {
        "federation": run.federation.address,
        "chain": {"engine": run.chain.engine, "id": run.chain.chain_id, "head": run.chain.head},
        "task": {"name": scenario.task, "score_unit": scenario.kind.score_unit},
        "card": {"name": run.card.name, "digest": "0x" + run.card.digest.hex()},
        "data": sites.to_json(),
        "rounds": result.rounds(run, reports),
        "quality": measured,
        "money": result.money(run),
        "bytes": result.sizes(reports, run.layout.lanes),
        "files": files,
    }


def _timing(
    reports: list[RoundReport], started: float, set_up: float, trained: float, measured: float
) -> dict[str, float]:
    work = sum(entry.work_s() for entry in reports)
    trust = sum(entry.trust_s() for entry in reports)
    now = time.perf_counter()
    return {
        "setup": round(set_up - started, 2),
        "rounds": round(trained - set_up, 2),
        "training_and_scoring": round(work, 2),
        "trust": round(trust, 2),
        "trust_share": round(trust / work, 4) if work else 0.0,
        "baselines": round(measured - trained, 2),
        "audit": round(now - measured, 2),
        "total": round(now - started, 2),
    }

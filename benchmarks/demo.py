"""The main job, end to end: time, memory, quality, who is paid, and whether it repeats."""

import os
from pathlib import Path
from typing import Any

from benchmarks import runs
from collegium.tasks.xray.metric import AUC

SEEDS = (5, 6, 7)
Document = dict[str, Any]


def phantoms(folder: Path) -> list[runs.Measure]:
    """Default demonstration, one per seed: share of right answers on the reference set."""
    figures = []
    for seed in SEEDS:
        run = runs.run(["demo", "--seed", str(seed), "--out", str(folder / str(seed))])
        quality = run.document["quality"]
        base, federated = quality["base"], quality["federated"]
        best = max(quality["local"].values())
        figures += _quality(seed, "right answers", base, best, federated, quality["centralised"])
        figures += [
            runs.at_least(f"seed {seed}: points over base", _points(federated - base), 20),
            runs.at_least(f"seed {seed}: points over best alone", _points(federated - best), 10),
            *_behaviour(seed, run),
        ]
    return figures


def pneumonia(folder: Path) -> list[runs.Measure]:
    """Real radiographs in ``$COLLEGIUM_DATA/pneumonia``: area under the ROC curve on the reference.

    No figures if the variable is not set.
    """
    root = os.environ.get("COLLEGIUM_DATA")
    if not root:
        return []
    figures, data = [], str(Path(root) / "pneumonia")
    for seed in SEEDS:
        out = str(folder / str(seed))
        run = runs.run(["demo", "--data", data, "--seed", str(seed), "--out", out])
        auc = {name: part[AUC] for name, part in run.document["quality"]["parts"].items()}
        best = max(auc[name] for name in run.document["quality"]["local"])
        federated, pooled = auc["federated"], auc["centralised"]
        figures += _quality(seed, "AUC", auc["base"], best, federated, pooled)
        figures += [
            runs.at_least(f"seed {seed}: AUC over best alone", round(federated - best, 4), 0),
            runs.at_least(f"seed {seed}: AUC over pooled", round(federated - pooled, 4), -0.02),
            *_behaviour(seed, run),
        ]
    return figures


def repeat(folder: Path) -> list[runs.Measure]:
    """Two runs with one seed: in how much they differ, which must be nothing."""
    first, second = (
        runs.run(["demo", "--rounds", "2", "--out", str(folder / name)]).document
        for name in ("first", "second")
    )
    same = {
        "state roots": lambda d: [r["state_root"] for r in d["rounds"]],
        "payouts": lambda d: d["money"]["earned_by_node"],
        "ledger roots": lambda d: d["money"]["ledger_root"],
        "committees": lambda d: [r["committee"] for r in d["rounds"]],
    }
    return [
        runs.at_most(
            f"differing {what} of two runs with one seed", int(part(first) != part(second)), 0
        )
        for what, part in same.items()
    ]


def _quality(
    seed: int, unit: str, base: float, best: float, federated: float, pooled: float
) -> list[runs.Measure]:
    figures = {"base": base, "best alone": best, "federated": federated, "pooled data": pooled}
    return [
        runs.at_least(f"seed {seed}: {unit}, {name}", round(value, 4))
        for name, value in figures.items()
    ]


def _behaviour(seed: int, run: runs.Run) -> list[runs.Measure]:
    """Acceptance, time, memory and the cost of evidence of one run."""
    updates = [u for entry in run.document["rounds"] for u in entry["updates"]]
    honest = [u for u in updates if not _dishonest(u["node"])]
    others = [u for u in updates if _dishonest(u["node"])]
    unpaid = sum(not (u["accepted"] and u["paid"] > 0) for u in honest)
    let_in = sum(u["accepted"] or u["paid"] > 0 for u in others)
    trust, peak = run.document["timing_s"]["trust_share"], round(run.peak_mib / 1024, 2)
    figures = (
        (f"of {len(honest)} honest updates, rejected or unpaid", unpaid, None),
        (f"of {len(others)} dishonest updates, accepted or paid", let_in, 0),
        ("cost of trust, percent", _points(trust), 10),
        ("seconds", round(run.seconds), 240),
        ("GiB at the peak", peak, 3),
        ("findings of the audit", len(run.document["audit"]["findings"]), 0),
    )
    return [runs.at_most(f"seed {seed}: {name}", value, target) for name, value, target in figures]


def _points(share: float) -> float:
    return round(100 * share, 1)


def _dishonest(name: str) -> bool:
    return name.startswith(("free-rider", "poisoner"))

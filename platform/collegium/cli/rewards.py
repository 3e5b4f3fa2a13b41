"""``collegium rewards``: fair shares, why they are what they are, and claims."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.node import Named
from collegium.cli.options import RunDir, Wallet
from collegium.cli.session import opened
from collegium.protocol.amounts import tokens

if TYPE_CHECKING:
    from collegium.chain.federation import Federation
    from collegium.chain.receipts import Event

app = Noun(help="Fair shares, why they are what they are, and claims.")


@app.command(example="collegium rewards show --round 2")
def show(
    round: Annotated[
        int | None, typer.Option(min=1, help="Explain this round; default: the last settled.")
    ] = None,
    dir: RunDir = None,
) -> None:
    """What every node has earned, claimed, can claim and lost, and how a round was shared out."""
    with opened(dir) as session:
        events = session.federation.events()
        nodes = _accounts(session.federation, events)
        rounds = _rounds(events, int(session.federation.terms()["minScore"]))
        lost = _slashes(events)
    document = {
        "federation": session.run.federation,
        "nodes": nodes,
        "rounds": rounds,
        "slashes": lost,
    }
    columns = ["id>", "account", "earned>", "claimed>", "due>", "reward for proofs>", "stake>"]
    parts: list[Any] = ["Tokens by node", output.table(columns, (row.values() for row in nodes))]
    chosen = [r for r in rounds if round is None or r["round"] == round][-1:]
    parts += [part for found in chosen for part in _explained(found)]
    if not chosen:
        parts.append("no round is settled yet" if round is None else f"round {round} is unsettled")
    if lost:
        titles = ["round>", "node>", "offence", "tokens>", "proven by"]
        rows = ({**row, "by": row["by"] or "the votes"} for row in lost)
        parts += ["Stakes lost", output.table(titles, (row.values() for row in rows))]
    output.result(document, *parts)


@app.command(example="collegium rewards claim 2")
def claim(
    node: Named,
    dir: RunDir = None,
    wallet: Wallet = None,
) -> None:
    """Pay a node what it has earned and what it is owed for proofs, to its account.

    Anybody may send it; nothing is paid twice.
    """
    from collegium.consortium import joining

    with opened(dir) as session:
        federation = session.federation
        number = joining.resolve(federation, node)
        account = federation.node(number).account
        document: dict[str, Any] = {
            "id": number,
            "account": account,
            "paid": tokens(federation.due(number)),
            "tx": None,
            "rewarded": tokens(federation.owed(account)),
        }
        if federation.due(number):
            receipt = session.sending(wallet).claim(number)
            paid = tokens(receipt.event("Claimed")["amount"])
            document |= {"paid": paid, "tx": receipt.tx, "gas": receipt.gas_used}
        if federation.owed(account):
            session.sending(wallet).collect(account)
    said = f"paid {document['paid']} tokens to {account}"
    if document["rewarded"] != "0":
        said += f", and {document['rewarded']} for what it proved against others"
    output.result(document, said)


def _accounts(federation: "Federation", events: "Sequence[Event]") -> list[dict[str, Any]]:
    """What each node earned (ledger and bonuses), claimed, is due and owed, and has at stake."""
    from collegium.chain import history

    earned = dict(enumerate(history.totals(events), start=1))
    claimed: dict[int, int] = {}
    for event in events:
        if event.name == "Credited":
            earned[event["id"]] = earned.get(event["id"], 0) + event["amount"]
        elif event.name == "Claimed":
            claimed[event["id"]] = claimed.get(event["id"], 0) + event["amount"]
    rows, stakes = [], history.stakes(events)
    for node in federation.nodes():
        total, paid = earned.get(node.id, 0), claimed.get(node.id, 0)
        amounts = {
            "earned": total,
            "claimed": paid,
            "due": total - paid,
            "owed": federation.owed(node.account),
            "stake": stakes.get(node.id, 0),
        }
        shown = {name: tokens(amount) for name, amount in amounts.items()}
        rows.append({"id": node.id, "account": node.account, **shown})
    return rows


def _slashes(events: "Sequence[Event]") -> list[dict[str, Any]]:
    """Stake that nodes lost, and the account that proved the offence, if somebody had to."""
    from collegium.chain import history

    numbers = [event["round"] for event in events if event.name == "NodeSlashed"]
    return [
        {
            "round": number,
            "node": slash.node,
            "offence": slash.offence.name.lower(),
            "amount": tokens(slash.amount),
            "by": slash.reporter,
        }
        for number in dict.fromkeys(numbers)
        for slash in history.slashes(events, number)
    ]


def _rounds(events: "Sequence[Event]", min_score: int) -> list[dict[str, Any]]:
    """How every settled round was shared out."""
    from collegium.chain import history
    from collegium.protocol.settlement import INVALID

    rounds = []
    for number in (event["round"] for event in events if event.name == "RoundSettled"):
        settled, drawn = history.settled(events, number), history.drawn(events, number)
        if settled is None or drawn is None:
            continue
        updates = [
            {
                "node": node,
                "score": None if median == INVALID else median,
                "accepted": median != INVALID and median >= min_score,
                "weight": weight,
                "paid": tokens(pay),
            }
            for (node, _), median, weight, pay in zip(
                history.updates(events, number),
                settled.medians,
                settled.weights,
                settled.pays,
                strict=True,
            )
        ]
        fees = [
            {"slot": slot, "node": node, "paid": tokens(fee)}
            for slot, (node, fee) in enumerate(zip(drawn.committee, settled.fees, strict=True))
        ]
        rounds.append(
            {
                "round": number,
                "min_score": min_score,
                "updates": updates,
                "validators": fees,
                "aggregator": drawn.aggregator,
                "earned": tokens(settled.earned),
                "returned": tokens(settled.released),
            }
        )
    return rounds


def _explained(found: dict[str, Any]) -> list[Any]:
    updates = (
        (
            u["node"],
            "invalid" if u["score"] is None else f"{u['score'] / 1000:+.3f}",
            "yes" if u["accepted"] else "no",
            u["weight"],
            u["paid"],
        )
        for u in found["updates"]
    )
    columns = ["node>", "score (milli-nats)>", "accepted", "merge weight>", "paid>"]
    fees = ((v["slot"], v["node"], v["paid"]) for v in found["validators"])
    return [
        f"Round {found['round']}: updates",
        output.table(columns, updates),
        "Validators, paid by agreement with the median",
        output.table(["slot>", "node>", "paid>"], fees),
        f"A score is the median of the committee's votes: how much the update lowers the loss. "
        f"Accepted from {found['min_score'] / 1000:+.3f}; pay is in proportion to the score. "
        f"{found['returned']} tokens went back to escrow.",
    ]

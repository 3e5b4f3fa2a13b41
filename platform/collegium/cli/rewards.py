"""``collegium rewards``: rewards, how they were computed, and claims."""

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
    from rich.table import Table

    from collegium.queries.money import Account
    from collegium.queries.rounds import ShownRound, ShownSlash

app = Noun(help="Show rewards and how they were computed; claim them.")


@app.command(example="collegium rewards show --round 2")
def show(
    round: Annotated[
        int | None, typer.Option(min=1, help="Explain this round; default: the last settled.")
    ] = None,
    dir: RunDir = None,
) -> None:
    """Show what every node earned, claimed, can claim and lost, and how a round was paid."""
    from collegium.protocol.rules.shares import PAY_RULES
    from collegium.protocol.rules.table import numbered
    from collegium.protocol.terms import Terms
    from collegium.queries import money, rounds

    with opened(dir) as session:
        federation = session.federation
        events, terms = federation.events(), Terms.from_struct(federation.terms())
        accounts = money.read_accounts(federation)
        settled = [one for one in rounds.read_rounds(events, terms.min_score) if one.settled]
        lost = rounds.slashes(events)
    document = {
        "federation": session.run.federation,
        "nodes": [account.to_json() for account in accounts],
        "rounds": [one.to_json() for one in settled],
        "slashes": [slash.to_json() for slash in lost],
    }
    parts: list[Any] = ["Tokens by node", _by_node(accounts)]
    chosen = [one for one in settled if round is None or one.id == round][-1:]
    paying = numbered("pay_rule", PAY_RULES, terms.pay_rule).sentence
    parts += [part for one in chosen for part in _explained(one, paying)]
    if not chosen:
        parts.append("no round is settled yet" if round is None else f"round {round} is unsettled")
    if lost:
        parts += ["Stakes lost", _lost(lost)]
    output.result(document, *parts)


@app.command(example="collegium rewards replay --rule equal")
def replay(
    rule: Annotated[str, typer.Option(help="Pay rule: score or equal.")],
    dir: RunDir = None,
) -> None:
    """Show what the updates of past rounds would have earned under another pay rule."""
    from collegium.protocol.terms import Terms
    from collegium.queries import replay as replaying
    from collegium.queries import rounds

    with opened(dir) as session:
        terms = Terms.from_struct(session.federation.terms())
        settled = rounds.read_rounds(session.federation.events(), terms.min_score)
    found = replaying.replay(terms, settled, rule)
    document = {
        "federation": session.run.federation,
        "rule": rule,
        "updates": [one.to_json() for one in found],
    }
    columns = ["round>", "node>", "score (milli-nats)>", "paid>", f"paid by {rule}>"]
    rows = [
        (one.round, one.node, _score(one.score), tokens(one.paid), tokens(one.replayed))
        for one in found
    ]
    table = output.table(columns, rows) if found else "no round is settled yet"
    output.result(document, table, "The scores are those that the committees gave.")


@app.command(example="collegium rewards claim 2")
def claim(
    node: Named,
    dir: RunDir = None,
    wallet: Wallet = None,
) -> None:
    """Pay a node's earnings, and its rewards for proofs, to its account.

    Anyone may send the claim. Nothing is paid twice.
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


def _by_node(accounts: "Sequence[Account]") -> "Table":
    columns = ["id>", "account", "earned>", "claimed>", "due>", "reward for proofs>", "stake>"]
    rows = [
        (
            one.node,
            one.account,
            *map(tokens, (one.earned, one.claimed, one.due, one.owed, one.stake)),
        )
        for one in accounts
    ]
    return output.table(columns, rows)


def _lost(slashes: "Sequence[ShownSlash]") -> "Table":
    columns = ["round>", "node>", "offence", "tokens>", "proven by"]
    rows = [
        (one.round, one.node, one.offence, tokens(one.amount), one.by or "the rules")
        for one in slashes
    ]
    return output.table(columns, rows)


def _score(score: int | None) -> str:
    return "invalid" if score is None else f"{score / 1000:+.3f}"


def _explained(shown: "ShownRound", paying: str) -> list[Any]:
    """Tables that show how a settled round was paid; ``paying`` says by which rule."""
    updates = (
        (
            one.node,
            _score(one.score),
            "yes" if one.accepted else "no",
            one.weight,
            tokens(one.paid),
        )
        for one in shown.updates
    )
    columns = ["node>", "score (milli-nats)>", "accepted", "merge weight>", "paid>"]
    fees = zip(shown.committee, map(tokens, shown.fees), strict=True)
    return [
        f"Round {shown.id}: updates",
        output.table(columns, updates),
        "Validators, paid by agreement with the median",
        output.table(["slot>", "node>", "paid>"], ((i, *fee) for i, fee in enumerate(fees))),
        f"A score is the median of the committee's votes: how much the update lowers the loss. "
        f"Updates are accepted from a score of {(shown.min_score or 0) / 1000:+.3f}. {paying} "
        f"{tokens(shown.returned)} tokens were returned to escrow.",
    ]

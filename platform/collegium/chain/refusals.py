"""What to tell a person for each custom error of the contracts.

One row per error: what was expected, and what to do. The name and the arguments of the error,
which say what was found, are added by :mod:`.reverts`.
"""

from dataclasses import dataclass

from collegium.errors import (
    InsufficientFunds,
    RevokedNode,
    TransactionReverted,
    UnregisteredNode,
)


class NodeNotRegistered(TransactionReverted, UnregisteredNode):
    """A contract refused because the account or id belongs to no admitted node."""

    number, title = UnregisteredNode.number, UnregisteredNode.title


class NodeRevoked(TransactionReverted, RevokedNode):
    """A contract refused because the node was revoked."""

    number, title = RevokedNode.number, RevokedNode.title


class TokensMissing(TransactionReverted, InsufficientFunds):
    """A contract refused because of too few tokens, in a wallet or in escrow."""

    number, title = InsufficientFunds.number, InsufficientFunds.title


@dataclass(frozen=True)
class Advice:
    """What a custom error means to the sender of the transaction."""

    expected: str
    action: str
    kind: type[TransactionReverted] = TransactionReverted


_READ_ROUND = "Read the round again (collegium round status) and act on what it says."
_SAME_INPUTS = "Rebuild the arguments from the events of this round."
_ASK_COUNCIL = "Ask the federation's council."
_ADDRESSES = "Check the addresses in the transaction."
_BUG = "Report it, with the transaction's hash."

ADVICE: dict[str, Advice] = {
    # registration
    "NotAdmitted": Advice(
        "an account that the council admitted",
        "Ask the council to admit it, then register again.",
        NodeNotRegistered,
    ),
    "AccountTaken": Advice(
        "an account that never registered", "One account is one node: use the node that it has."
    ),
    "SignerTaken": Advice(
        "a signer key that was never used", "Make new keys (collegium node keygen)."
    ),
    "FederationFull": Advice("a free seat", "Ask the council to revoke a node that left."),
    "UnknownNode": Advice("the id of a registered node", "List them: collegium node list."),
    "AlreadyRevoked": Advice("a node that is not revoked", "Nothing is left to do."),
    "NotActive": Advice(
        "the signer of a node that is active in this round",
        "Register first, or wait for the next round. A revoked node stays out.",
        NodeNotRegistered,
    ),
    # rounds
    "WrongRound": Advice("the newest round", _READ_ROUND),
    "WrongPhase": Advice("a round in the phase that allows this", _READ_ROUND),
    "WrongBase": Advice(
        "the root of the last final state as base", "Open the round on the root that is named."
    ),
    "TooFewNodes": Advice(
        "enough active nodes for a round", "Wait until more nodes are registered."
    ),
    "NothingDue": Advice(
        "a deadline that has passed", "Wait for the deadline (collegium round status)."
    ),
    "AlreadyCommitted": Advice(
        "one update per node and round", "Nothing is left to do: the first one counts."
    ),
    "InvalidTerms": Advice(
        "terms in range, with shares that sum to 10000", "Correct the task card."
    ),
    # verdicts
    "NotMember": Advice(
        "the signer of the committee member in this slot", "Read who was drawn, and your slot."
    ),
    "AlreadySealed": Advice("one verdict per member", "Nothing is left to do."),
    "NothingSealed": Advice(
        "a sealed verdict that is not revealed yet", "Seal a verdict first, in time."
    ),
    "WrongOpening": Advice(
        "the scores and salt that were sealed", "Reveal exactly what was sealed."
    ),
    "BadLength": Advice("a list of the length that the round demands", _SAME_INPUTS),
    # settlement and merge
    "WrongUpdates": Advice("the updates of this round in commit order", _SAME_INPUTS),
    "WrongScores": Advice("the scores that this slot revealed", _SAME_INPUTS),
    "WrongLedger": Advice("the ledger before this round", _SAME_INPUTS),
    "NotAggregator": Advice(
        "the round's aggregator", "Leave it to the aggregator, or wait for the deadline."
    ),
    "BadSignature": Advice(
        "a signature of the committee member in this slot", "Collect the attestation again."
    ),
    # money
    "InsufficientFree": Advice(
        "enough free tokens in escrow", "Deposit tokens into the vault.", TokensMissing
    ),
    "WrongStake": Advice(
        "a token that transfers exactly what is asked",
        "Use a plain ERC-20 token, without transfer fees.",
    ),
    "DepositTooLarge": Advice("deposits below 2^96 in all", "Deposit less."),
    "WrongProof": Advice(
        "a proof for the node's total in the present ledger", "Build the proof again and claim."
    ),
    "NothingToClaim": Advice("earnings that are not claimed yet", "Claim after the next round."),
    "NotSponsor": Advice("the sponsor's account", "Send it from the account of the sponsor."),
    "NotFederation": Advice("a call by the federation", "Call the federation instead."),
    # OpenZeppelin
    "AccessControlUnauthorizedAccount": Advice("an account with this role", _ASK_COUNCIL),
    "EnforcedPause": Advice(
        "a federation that is not paused", "Wait until it is resumed, or ask who paused it."
    ),
    "ExpectedPause": Advice("a paused federation", "Nothing is left to do."),
    "Reentered": Advice("a call from outside", "Use a plain ERC-20 token, without hooks."),
    "SafeERC20FailedOperation": Advice(
        "a token that does as it is asked", "Check the token's address and its rules."
    ),
    "ERC20InsufficientBalance": Advice(
        "enough tokens in the wallet", "Obtain tokens of this federation first.", TokensMissing
    ),
    "ERC20InsufficientAllowance": Advice(
        "an allowance for the vault",
        "Approve the vault for the amount, then send it again.",
        TokensMissing,
    ),
    "OwnableUnauthorizedAccount": Advice(
        "the owner's account", "Send it from the account that owns the contract."
    ),
    "AccessControlBadConfirmation": Advice(
        "an account that renounces its own role", "Send it from that account."
    ),
    "OwnableInvalidOwner": Advice("an owner other than the zero address", _ADDRESSES),
    "ERC20InvalidSender": Advice("a sender other than the zero address", _ADDRESSES),
    "ERC20InvalidReceiver": Advice("a receiver other than the zero address", _ADDRESSES),
    "ERC20InvalidApprover": Advice("an owner other than the zero address", _ADDRESSES),
    "ERC20InvalidSpender": Advice("a spender other than the zero address", _ADDRESSES),
    "InvalidShortString": Advice("a string as the compiler stores it", _BUG),
    "StringTooLong": Advice("a string of at most 31 bytes", _BUG),
    # Solidity itself
    "Panic": Advice("arithmetic and indices in range", _BUG),
    "Error": Advice("a condition that the contract states", "Correct what it says."),
}
UNKNOWN = Advice("a transaction that the contract accepts", "Check that the addresses are right.")

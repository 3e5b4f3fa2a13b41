"""What to tell a person for each custom error of the contracts.

One row per error: what was expected, and what to do. :mod:`.reverts` adds what was found: the
name and the arguments of the error.
"""

from dataclasses import dataclass

from collegium.errors import (
    ContractMisplaced,
    InsufficientFunds,
    LeftNode,
    MayNotPropose,
    NothingOwed,
    OffenceUnproven,
    StakeLocked,
    TransactionReverted,
    UnregisteredNode,
)


class NodeNotRegistered(TransactionReverted, UnregisteredNode):
    """A contract reverted because the account or id does not belong to an admitted node."""

    # Without this line TransactionReverted, the first base, would set number and title.
    number, title = UnregisteredNode.number, UnregisteredNode.title


class NodeHasLeft(TransactionReverted, LeftNode):
    """A contract reverted because the node has left."""

    number, title = LeftNode.number, LeftNode.title


class StakeHeld(TransactionReverted, StakeLocked):
    """A contract reverted because a stake is still locked."""

    number, title = StakeLocked.number, StakeLocked.title


class ProposerRefused(TransactionReverted, MayNotPropose):
    """A contract reverted because the sender may not propose a merge."""

    number, title = MayNotPropose.number, MayNotPropose.title


class NothingToPay(TransactionReverted, NothingOwed):
    """A contract reverted because there is nothing to pay."""

    number, title = NothingOwed.number, NothingOwed.title


class ProofRefused(TransactionReverted, OffenceUnproven):
    """A contract reverted because a proof of an offence is invalid."""

    number, title = OffenceUnproven.number, OffenceUnproven.title


class PartRefused(TransactionReverted, ContractMisplaced):
    """A federation reverted because a part was made for another one."""

    number, title = ContractMisplaced.number, ContractMisplaced.title


class TokensMissing(TransactionReverted, InsufficientFunds):
    """A contract reverted because there are too few tokens in a wallet or in escrow."""

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
        "an account without a node in the federation",
        "One account is one node: use the node that it has, or let it leave first.",
    ),
    "SignerTaken": Advice(
        "a signer key that was never used", "Make new keys (collegium node keygen)."
    ),
    "FederationFull": Advice("a free seat", "Wait until a node leaves."),
    "UnknownNode": Advice("the id of a registered node", "List them: collegium node list."),
    "NotRegistered": Advice(
        "a node that has not left", "To come back, register again.", NodeHasLeft
    ),
    "NotActive": Advice(
        "the signer of a node that is active in this round",
        "Register first, or wait for the next round. After a rotation, the old keys serve until "
        "the round is over.",
        NodeNotRegistered,
    ),
    "WrongPart": Advice(
        "parts that were made for this federation, its terms and its token",
        "Create the federation again; send nothing else from this account meanwhile.",
        PartRefused,
    ),
    # rounds
    "WrongRound": Advice("the newest round", _READ_ROUND),
    "WrongPhase": Advice("a round in the phase that allows this", _READ_ROUND),
    "WrongBase": Advice(
        "the root of the last final state as base",
        "Open the round on the root that the error names.",
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
    "BadLength": Advice("a list of the length that the round requires", _SAME_INPUTS),
    # settlement and merge
    "WrongUpdates": Advice("the updates of this round in commit order", _SAME_INPUTS),
    "WrongScores": Advice("the scores that this slot revealed", _SAME_INPUTS),
    "WrongLedger": Advice("the ledger before this round", _SAME_INPUTS),
    "NotAggregator": Advice(
        "the round's aggregator", "Leave it to the aggregator, or wait for the deadline."
    ),
    "ProposerBarred": Advice(
        "a node none of whose proposals was rejected in this round",
        "Leave it to another node; the bar ends with the round.",
        ProposerRefused,
    ),
    "NotBonded": Advice(
        "a node whose stake covers what a disproved merge costs",
        "Leave it to another node. To fill the stake up, leave and register again.",
        ProposerRefused,
    ),
    "BadSignature": Advice(
        "a signature of the committee member in this slot", "Collect the attestation again."
    ),
    # disputes
    "WrongOutcome": Advice(
        "the accepted updates of this round, with one manifest and one leaf for each",
        _SAME_INPUTS,
        ProofRefused,
    ),
    "WrongLeaf": Advice(
        "leaves that lead to the base, to the proposal and to the committed updates",
        "Build the proof again, from files whose digests were checked.",
        ProofRefused,
    ),
    "WrongBlock": Advice("a block from 0 to 7 of a leaf of the state", _SAME_INPUTS, ProofRefused),
    "MergeCorrect": Advice(
        "a block of the proposal that is not the merge",
        "Nothing is wrong there; compare the states again.",
        ProofRefused,
    ),
    "NotEquivocal": Advice(
        "two different updates of one round, signed by one node", _SAME_INPUTS, ProofRefused
    ),
    "AlreadyProven": Advice(
        "an offence that is not proven yet", "Nothing is left to do.", ProofRefused
    ),
    "NothingAtStake": Advice(
        "a node that still has a stake", "There is nothing left to take from it.", ProofRefused
    ),
    "NotDisputes": Advice("a call by the disputes contract", "Call that contract instead."),
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
    "NothingToClaim": Advice(
        "earnings or a stake that are not paid yet", "Nothing is left to do.", NothingToPay
    ),
    "NothingOwed": Advice(
        "rewards or forfeited stakes that are not moved yet", "Nothing is left to do.", NothingToPay
    ),
    "StakeLocked": Advice(
        "a stake that can no longer be slashed",
        "Let the node leave first (collegium node exit), then wait until the named time.",
        StakeHeld,
    ),
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
        "a token that carries out the transfer", "Check the token's address and its rules."
    ),
    "ERC20InsufficientBalance": Advice(
        "enough tokens in the wallet", "Obtain tokens of this federation first.", TokensMissing
    ),
    "ERC20InsufficientAllowance": Advice(
        "an allowance for the vault",
        "Approve the vault for the amount, then send it again.",
        TokensMissing,
    ),
    "AccessControlEnforcedDefaultAdminRules": Advice(
        "a transfer of the administration in two steps",
        "Offer it, and let the new administrator accept.",
    ),
    "AccessControlInvalidDefaultAdmin": Advice(
        "the account that the administration was offered to", "Accept it from that account."
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
    # Solidity itself
    "Panic": Advice("arithmetic and indices in range", _BUG),
    "Error": Advice(
        "a condition that the contract states", "Meet that condition, then send it again."
    ),
}
UNKNOWN = Advice("a transaction that the contract accepts", "Check that the addresses are right.")

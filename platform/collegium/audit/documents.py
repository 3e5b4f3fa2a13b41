"""The agreed documents: task card and adapter layout, compared with the digests in the contract."""

from dataclasses import dataclass

from collegium.audit.bundle import Bundle
from collegium.audit.deployment import Deployment
from collegium.audit.trail import Trail
from collegium.protocol.canonical import MAX_DOCUMENT
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.protocol.names import CARD, LAYOUT


@dataclass(frozen=True)
class Documents:
    """The agreed documents, or None where they cannot be read."""

    card: TaskCard | None
    layout: Layout | None


def read(trail: Trail, bundle: Bundle) -> Documents:
    """Read both documents; a damaged one is a finding."""

    def card() -> TaskCard:
        return TaskCard.decode(bundle.document(CARD, MAX_DOCUMENT))

    def layout() -> Layout:
        return Layout.decode(bundle.document(LAYOUT, MAX_DOCUMENT))

    found = Documents(trail.attempt("card", CARD, card), trail.attempt("layout", LAYOUT, layout))
    for name, document in ((CARD, found.card), (LAYOUT, found.layout)):
        if document is None:
            trail.skip(f"everything that depends on {name}", f"{name} cannot be read")
    return found


def check(trail: Trail, documents: Documents, deployment: Deployment) -> None:
    """Compare the documents with each other and with the contract."""
    card, layout = documents.card, documents.layout
    if card is not None:
        _check_card(trail, card, deployment)
    if card is not None and layout is not None:
        trail.expect("layout", LAYOUT, card.layout, layout.digest.hex())
        trail.expect("layout", f"{LAYOUT}, base_model", card.base_model, layout.base_model)
        trail.expect("layout", f"{LAYOUT}, task", card.task, layout.task)


def _check_card(trail: Trail, card: TaskCard, deployment: Deployment) -> None:
    struct = deployment.struct
    trail.expect("card", CARD, struct["card"].hex(), card.digest.hex())
    agreed = card.terms.to_struct(card.digest, bytes.fromhex(card.genesis))
    for name, value in struct.items():
        trail.expect("terms", f"{CARD}, {name}", value, agreed[name])

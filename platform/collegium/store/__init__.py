"""Content-addressed blobs, states in them, and envelopes sealed to a committee."""

from collegium.store.blobs import BlobStore

__all__ = ["BlobStore"]

"""A phantom collection: computed CT with lymph nodes of known place and size, in the form of CT Lymph Nodes."""

from __future__ import annotations

from hilum.phantom.collection import Participant, write_collection

__all__ = ["Participant", "write_collection"]

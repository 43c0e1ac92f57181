"""A source to verified files: sources, the ledger of what was asked for and what came, manifests in every dialect."""

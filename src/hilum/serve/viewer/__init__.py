"""OHIF, fetched once, served from here."""

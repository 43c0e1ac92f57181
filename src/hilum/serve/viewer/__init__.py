"""OHIF, served from here: its files, its configuration, links that open it at a place."""

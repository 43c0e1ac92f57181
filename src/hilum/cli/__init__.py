"""The command line: one file a verb that parses, calls and prints."""

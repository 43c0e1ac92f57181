"""Detection: a volume in, marks out; training, cross-validation and runs that can be interrupted."""

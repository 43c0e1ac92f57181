"""Who somebody is: users and their tokens."""

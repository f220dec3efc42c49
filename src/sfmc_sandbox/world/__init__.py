"""A tenant and its year of mail, made from a seed: the same seed gives the same world."""

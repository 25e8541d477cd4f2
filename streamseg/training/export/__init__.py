"""From trained networks to a model package: graphs, checks, card, licence."""

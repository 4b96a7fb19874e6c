"""Components of other frameworks that run this package: one file each, which needs that framework and no other."""

"""One photo to a Gaussian avatar on the open head."""

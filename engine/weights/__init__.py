"""Weights from elsewhere and our own: strict name maps that refuse what they do not know."""

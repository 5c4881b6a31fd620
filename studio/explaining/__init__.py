"""Explanations as the studio runs them: in lanes, kept by content, with progress, and stopped when told to."""

"""The component of the tab in which one asks, chooses and points."""

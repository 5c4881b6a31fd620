"""Pure functions from what the engine says to what the page shows."""

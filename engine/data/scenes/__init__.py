"""A world of our own: generated pictures whose every box and every answer is known."""

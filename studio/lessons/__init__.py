"""Lessons beside the canvas: each sets a scene, asks for a prediction, and lets the model itself reveal the answer."""

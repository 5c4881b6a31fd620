"""Why the model believes what it believes: attention, attribution, single hidings, and how far each can be trusted.

Where to start: `engine.explain.explainer.Explainer` answers a `Question` about a `Seen` photo.

The players of an explanation are the caption's visible words and the photo's visible regions (P of them); [CLS], [SEP],
[END] and region 0, the whole picture, are none. A player is taken out as the model was trained to miss it: a word is
[MASK] in all its pieces, a region is hidden and region 0 is computed anew.
"""

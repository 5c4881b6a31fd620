"""VL-BERT: model, detector, training, measuring.

Where to start: `engine.predictor.Predictor` sees a photo and answers questions; `engine.model.vlbert.VLBert` is the
model; `engine.training.recipe.pretrain` trains one. Nothing is imported here, as PyTorch takes seconds to load.

One alphabet of shapes holds everywhere:

    B batch        T text pieces      R regions          L packed sequence (text, regions, [END])
    D hidden       H attention heads  N layers           V vocabulary
    C region classes, background included                K, P any number of boxes, pieces or phrases

Boxes are x1, y1, x2, y2: in pixels of a frame that `engine.structures.boxes.Boxes` names, or as fractions of the
picture where a docstring says so. Masks are True where something is real.
"""

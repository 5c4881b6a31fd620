"""What the model's answers to a scene say, by name: the vocabulary of a lesson's conditions.

SCENE.PASS.KIND.FIELD, for example "after.fast.word.everything". SCENE is before or after; PASS is fast or faithful
(`studio.service.Masking`); KIND is word or region, the first that is hidden; FIELD is everything, without_picture,
without_words (probabilities of the true word, or of the detector's label of a region), rank or guess (a text). Scenes
with `why` also give, for the methods attention and leave_one_out, SCENE.why.METHOD.agreement, the map's rank
correlation with leaving out one by one, and SCENE.why.METHOD.area, under the deletion curve.
"""

from __future__ import annotations

from engine.structures.prediction import Prediction

PASSES = {"feature": "fast", "pixels": "faithful"}


def facts(scene: str, prediction: Prediction) -> dict[str, float | str]:
    """Those of one answer; `studio/lessons/facts.js` reads the same from what the page is sent."""
    found: dict[str, float | str] = {}
    for kind, answers in (("word", prediction.words), ("region", prediction.regions)):
        for answer in answers[:1]:
            head = f"{scene}.{PASSES[prediction.masking]}.{kind}"
            found |= {f"{head}.everything": answer.clues.everything,
                      f"{head}.without_picture": answer.clues.without_picture,
                      f"{head}.without_words": answer.clues.without_words,
                      f"{head}.rank": float(answer.rank), f"{head}.guess": answer.best[0].text}
    return found

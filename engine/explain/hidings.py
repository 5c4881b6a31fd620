"""Every single hiding, in batches: the exact leave-one-out of everything asked, and what the model would say."""

from __future__ import annotations

import torch

from engine.explain.passes import Passes, single_hidings
from engine.explain.question import Asked
from engine.explain.results import Hidings
from engine.explain.target import Target, answer_ids, best_answers, distribution, true_ids
from engine.predictor import Seen


@torch.inference_mode()
def hidings(passes: Passes, seen: Seen) -> Hidings:
    """P + 1 rows through the model, whatever is asked. Raises StoppedError."""
    game = passes.game
    targets = [resolve(passes, seen, asked) for asked in game.asked()]
    probability: list[list[float]] = [[] for _ in targets]
    tops: list[list[str]] = [[] for _ in targets]
    present = single_hidings(len(game.players))
    for rows, encoded in passes.batches(present):
        for i, target in enumerate(targets):
            logits = distribution(passes.model, encoded, target.kind, target.places)
            values = target.log_probability_of(logits).exp().tolist()
            passes.keep(present[rows], target, values)
            probability[i].extend(values)
            tops[i].extend(text for text, _ in best_answers(passes.predictor, logits, target.kind))
    return Hidings(
        tuple(Asked(t.kind, t.index, t.answer) for t in targets),
        tuple(p[0] for p in probability), tuple(t[0] for t in tops), game.players,
        tuple(tuple(p[row] for p in probability) for row in range(1, len(game.players) + 1)),
        tuple(tuple(t[row] for t in tops) for row in range(1, len(game.players) + 1)))


def resolve(passes: Passes, seen: Seen, asked: Asked) -> Target:
    """The answer that is meant: the one given, else the true one, else the model's best. Raises AnswerError."""
    game, predictor = passes.game, passes.predictor
    places = tuple(game.caption.places([asked.index])) if asked.kind == "word" else (asked.index,)
    if asked.answer:
        ids = answer_ids(predictor, asked.kind, asked.answer, len(places))
        return Target(asked.kind, asked.index, asked.answer, places, ids)
    if asked.kind == "word":
        word = game.caption.words[asked.index]
        truth = true_ids(predictor, game.caption.piece_ids_of(asked.index), word.known)
        if truth is not None:
            return Target("word", asked.index, word.text, places, truth)
    else:
        number = predictor.class_of(seen.labels[asked.index])
        if number is not None:
            return Target("region", asked.index, predictor.classes.names[number], places, (number,))
    everybody = torch.ones(1, len(game.players), dtype=torch.bool)
    _, encoded = next(passes.batches(everybody))
    [(text, ids)] = best_answers(predictor, distribution(passes.model, encoded, asked.kind, places), asked.kind)
    return Target(asked.kind, asked.index, text, places, ids)

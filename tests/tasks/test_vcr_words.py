"""Which words make a choice wrong."""

from engine.data.sequences import choice
from engine.data.tokenizer import WordPieces
from engine.structures.questions import TaggedText
from engine.tasks.vcr import judged_words
from tests.conftest import ROOT

PIECES = WordPieces(ROOT / "assets" / "weights" / "vocab.txt")


def test_words_that_not_all_choices_have_are_judged_by_the_right_one():
    where = TaggedText.plain("where is the star ?")
    four = [TaggedText(("it", "is", place, "the", "ring"), (0, 0, 0, 0, box))
            for place, box in (("above", 2), ("below", 2), ("above", 3), ("below", 3))]
    sequences = [choice(PIECES, where, own) for own in four]
    told = judged_words(sequences, 2)
    assert [[(PIECES.pieces[s.piece_ids[place]], right) for place, right in own]
            for s, own in zip(sequences, told, strict=True)] == [
        [("above", 1.0), ("ring", 0.0)], [("below", 0.0), ("ring", 0.0)],
        [("above", 1.0), ("ring", 1.0)], [("below", 0.0), ("ring", 1.0)]]
    assert not any(judged_words([sequences[0]] * 4, 1))

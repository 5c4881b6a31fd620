"""Questions about photographs, generated from their captions and boxes.

`words` is the lexicon, `captions` parses, `facts` are what a photograph's captions and boxes say together. `grammar`
has the ways to ask, `of_things`, `of_doings` and `yes_no` ask, `balancing` and `reading` make a data set of it.
"""

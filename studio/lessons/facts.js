// The same facts as studio/lessons/facts.py names, from what the page is sent: name -> { value, shown }.

const PASSES = { feature: "fast", pixels: "faithful" };

function factsOf(scene, replies) {
  const facts = new Map();
  for (const [method, proof] of Object.entries(replies.proofs || {})) {
    const area = proof.curves.deletion[0].area;
    const numbers = { agreement: proof.rank_correlation, area };
    for (const [field, value] of Object.entries(numbers)) {
      facts.set(`${scene}.why.${method}.${field}`, { value, shown: value.toFixed(2) });
    }
  }
  for (const masking of ["feature", "pixels"]) {
    const reply = replies[masking] || { words: [], regions: [] };
    for (const kind of ["word", "region"]) {
      const answer = reply[`${kind}s`][0];
      if (!answer) continue;
      const put = (field, value, shown) => facts.set(`${scene}.${PASSES[masking]}.${kind}.${field}`, { value, shown });
      ["everything", "without_picture", "without_words"].forEach((field, i) => {
        const clue = answer.clues?.[i];
        put(field, clue ? clue.probability : 0, clue ? clue.percent : "0 %");
      });
      put("rank", answer.rank || 0, String(answer.rank || 0));
      put("guess", answer.best[0].text, answer.best[0].text);
    }
  }
  return facts;
}

function holds({ left, sign, right, factor }, facts) {
  const value = facts.get(left).value;
  if (sign === "is") return value === right;
  const bound = factor * (right ? facts.get(right).value : 1);
  return sign === "<" ? value < bound : value > bound;
}

// The number of the choice that came true.
const outcomeOf = (step, facts) => step.choices.findIndex((choice) => choice.when.every((c) => holds(c, facts)));

const withFacts = (text, facts) => text.replace(/\{([\w.]+)\}/g, (_, name) => facts.get(name)?.shown ?? "(no answer)")
  .replaceAll(" %", "\u00a0%");

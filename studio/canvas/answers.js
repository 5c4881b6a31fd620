// The answers: one card for everything hidden, with the five best guesses and the clue meter.

const ROWS = 5;

// No line breaks between a number and its sign.
const tight = (text) => text.replaceAll(" %", "\u00a0%");

function makeBar(kind) {
  const fill = make("i", { class: kind });
  return { fill, node: make("span", { class: "bar", "aria-hidden": "true" }, fill) };
}

const PICTURE_SIGN = "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 5";

// The two clues as small signs, the missing one crossed out.
function makeSigns(hasPicture, hasWords) {
  const sign = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  sign.setAttribute("viewBox", "0 0 24 24");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", PICTURE_SIGN);
  sign.append(line);
  return [make("span", { class: `clue${hasPicture ? "" : " gone"}`, "aria-hidden": "true" }, sign),
    make("span", { class: `clue${hasWords ? "" : " gone"}`, "aria-hidden": "true" }, "Aa")];
}

// A card is built once and then only filled, so that the focus stays.
function makeCard(kind) {
  const rows = Array.from({ length: ROWS }, () => {
    const bar = makeBar("guess");
    const name = make("span", { class: "name" });
    const number = make("span", { class: "number" });
    return { bar, name, number, node: make("li", {}, name, bar.node, number) };
  });
  const clues = ["all", "words", "picture"].map((clue) => {
    const bar = makeBar(clue);
    const name = make("span");
    const number = make("span", { class: "number" });
    const term = make("dt", {}, ...makeSigns(clue !== "words", clue !== "picture"), name);
    return { bar, name, number, node: make("div", {}, term, make("dd", {}, bar.node, number)) };
  });
  const title = make("b");
  const rank = make("p", { class: "rank" });
  const note = make("p", { class: "rank" });
  const verdict = make("p", { class: "verdict" });
  const show = make("button", { type: "button", class: "show", title: "Show it again" }, "Show");
  const why = make("button", { type: "button", class: "why-this" }, "Why?");
  const effect = make("p", { class: "effect", hidden: true });
  const meter = make("div", { class: "meter" }, make("h4", {}, kind === "word" ? "Clue meter" : "Clue meter of the label"),
    make("dl", {}, ...clues.map((c) => c.node)));
  const node = make("article", { class: "answer", "data-kind": kind },
    make("header", {}, make("h3", {}, kind === "word" ? "Hidden word " : "Hidden region ", title),
      make("span", { class: "row" }, why, show)),
    make("div", { class: "halves" }, make("div", { class: "guesses" }, make("ol", {}, ...rows.map((r) => r.node)), rank),
      meter), note, verdict, effect);
  return { node, rows, clues, title, rank, note, verdict, show, why, effect, meter };
}

function fillCard(card, answer) {
  setText(card.title, answer.title);
  card.rows.forEach((row, i) => {
    const guess = answer.best[i];
    setHidden(row.node, !guess);
    if (!guess) return;
    setText(row.name, guess.text);
    setText(row.number, guess.percent);
    row.bar.fill.style.width = share(guess.probability);
    row.node.classList.toggle("true", guess.true);
    row.node.classList.toggle("label", guess.label);
    setAttribute(row.node, "title", guess.label ? "the detector’s label, which may be wrong" : "");
  });
  for (const node of [card.meter, card.verdict, card.rank]) setHidden(node, !answer.known);
  setHidden(card.note, !answer.note);
  setText(card.note, answer.note);
  if (!answer.known) return;
  setText(card.rank, tight(`${answer.target}: ${answer.truth} · rank ${answer.rank.toLocaleString("en")} · ${answer.percent}`));
  answer.clues.forEach((clue, i) => {
    const row = card.clues[i];
    setText(row.name, clue.name);
    setText(row.number, clue.percent);
    row.bar.fill.style.width = share(clue.probability);
  });
  setText(card.verdict, tight(answer.verdict));
}

function makeAnswers({ showWord, showRegion, explain }) {
  const list = part("answers");
  const cards = new Map(); // "word 3" -> card

  function render(reply) {
    const wanted = [...reply.words.map((a) => ["word", a]), ...reply.regions.map((a) => ["region", a])];
    const keys = new Set(wanted.map(([kind, answer]) => `${kind} ${answer.index}`));
    for (const [key, card] of cards) {
      if (keys.has(key)) continue;
      card.node.remove();
      cards.delete(key);
    }
    wanted.forEach(([kind, answer], place) => {
      const key = `${kind} ${answer.index}`;
      let card = cards.get(key);
      if (!card) {
        card = makeCard(kind);
        card.show.addEventListener("click", () => (kind === "word" ? showWord : showRegion)(answer.index));
        card.why.addEventListener("click", () => explain(kind, answer.index));
        cards.set(key, card);
      }
      setHidden(card.show, kind === "word" && !answer.known);
      setAttribute(card.show, "aria-label", `Show ${answer.title} again`);
      setAttribute(card.why, "aria-label", `Why? Explain the answer for ${answer.title}`);
      fillCard(card, answer);
      if (list.children[place] !== card.node) list.insertBefore(card.node, list.children[place] || null);
    });
    setHidden(part("empty"), wanted.length > 0);
  }

  // lines: what each answer becomes without the element pointed at; null where none is. ready: whether that is known.
  function showEffects(lines, ready) {
    for (const [key, card] of cards) {
      const line = lines?.find((l) => `${l.kind} ${l.index}` === key);
      setHidden(card.effect, !ready);
      setText(card.effect, tight(line ? line.text : "Point at a word or a box: here stands what the answer is without it."));
      card.effect.classList.toggle("moved", Boolean(line?.moved));
    }
  }

  return { render, showEffects };
}

// What the chip or the box itself says: the best guess and how sure the model is of it.
const guessesOf = (answers) => new Map(answers.map((a) => [a.index, `${a.guess.text} ${a.guess.percent}`]));

// The card: answers with their bars, the same without the picture, and what follows from it.

const tight = (text) => text.replaceAll(" %", "\u00a0%");

function barRow(name, row, onclick) {
  const fill = make("i");
  fill.style.width = share(row.probability);
  const label = onclick ? make("button", { type: "button", class: "name link", onclick }, name) : make("span", { class: "name" }, name);
  return make("li", {}, label, make("span", { class: "bar", "aria-hidden": "true" }, fill),
    make("span", { class: "number" }, tight(row.percent)));
}

const column = (title, rows) => make("div", { class: "guesses" }, make("h3", {}, title), make("ol", {}, ...rows));

function renderCard(now, { pointAt }) {
  const { result } = now;
  setHidden(part("belief"), !result || (now.mode === "choose"));
  if (!result || now.mode === "choose") return;
  const card = part("card");
  if (card.drawnFor === result.answer && card.named === now.regions) return;
  [card.drawnFor, card.named] = [result.answer, now.regions];
  const { rows, blind, verdict, note } = result.answer;
  const named = (row) => (now.mode === "ask" ? row.text : regionName(now, row.number));
  const go = (row) => (now.mode === "point" ? () => pointAt(row.number) : null);
  card.replaceChildren(...[
    make("p", { class: "best" }, make("b", {}, named(rows[0])), ` ${tight(rows[0].percent)}`),
    make("div", { class: "halves" },
      column(now.mode === "ask" ? "With the picture" : "With the words", rows.map((r) => barRow(named(r), r, go(r)))),
      column(now.mode === "ask" ? "Without the picture" : "Without the words", blind.map((r) => barRow(named(r), r, null)))),
    make("p", { class: "verdict" }, tight(verdict)),
    note ? make("p", { class: "rank" }, note) : null,
    make("p", { class: "rank" }, now.mode === "ask"
      ? "Each answer is judged by itself, so the numbers need not sum to 100 %."
      : "Each region is judged by itself: boxes around the same thing may all be meant."),
  ].filter(Boolean));
}

function renderFours(now, rows) {
  const result = now.mode === "choose" ? now.result : null;
  for (const kind of ["answers", "rationales"]) {
    const reply = kind === "answers" ? result?.answer : result?.reason;
    const right = now.texts.choose.right?.[kind];
    const chosen = kind === "answers" ? result?.picked : reply?.best;
    rows[kind].forEach((row, i) => {
      const own = reply?.rows[i];
      row.fill.style.width = own ? share(own.probability) : "0";
      setText(row.number, own ? tight(own.percent) : "");
      row.node.classList.toggle("told", Boolean(own));
      row.node.classList.toggle("chosen", reply?.best === i);
      row.node.classList.toggle("right", Boolean(own) && right === i);
      setAttribute(row.pick, "aria-pressed", chosen === i);
      row.pick.disabled = kind === "rationales" || !own;
    });
    const said = rows[`${kind}Said`];
    setHidden(said, !reply);
    const known = right === undefined || right === null || !reply ? "" : reply.best === right ? " That is right." : ` Right would be ${LETTERS[right]}.`;
    setText(said, reply ? tight([`${LETTERS[reply.best]}. ${reply.verdict}${known}`, reply.note].filter(Boolean).join(" ")) : "");
  }
}

function renderLights(now, lights) {
  const { result } = now;
  setHidden(part("lights"), !result);
  if (!result) return;
  for (const button of element.querySelectorAll("[data-light]")) {
    setAttribute(button, "aria-pressed", button.dataset.light === now.light);
    if (button.dataset.light === "scores") setHidden(button, now.mode !== "point");
  }
  setHidden(part("element-row"), now.light !== "looks" || !result.looks);
  setHidden(part("method-row"), now.light !== "map");
  setHidden(part("map-work"), now.light !== "map");
  const select = part("element");
  if (result.looks && select.drawnFor !== result.looks) {
    select.drawnFor = result.looks;
    select.replaceChildren(...result.looks.elements.map((e, i) => make("option", { value: i },
      e.kind === "region" ? `region ${regionName(now, e.index)}` : e.kind === "word" ? `word ${e.text}`
        : e.text === "[MASK]" && now.mode === "ask" ? "the answer, [MASK]" : e.text)));
  }
  if (result.looks) select.value = String(now.element);
  const words = part("lit-words");
  setHidden(words, lights.words.length === 0);
  words.replaceChildren(...lights.words.flatMap((w) => {
    const word = make("span", { class: w.against ? "lit against" : "lit", title: w.title }, w.text);
    word.style.setProperty("--lit", `${(34 * w.value).toFixed(1)}%`);
    return [word, " "];
  }));
  setText(part("light-note"), lights.note);
}

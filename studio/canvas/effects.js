// Every single hiding, computed while the visitor thinks: pointing at a word or a region shows at once, without asking,
// what each answer would be without it.

const MUCH = 0.01;

const percentOf = (probability) => {
  const value = 100 * probability;
  if (value >= 99.5) return value < 100 ? ">99 %" : "100 %";
  if (value >= 10) return `${value.toFixed(0)} %`;
  return value >= 0.1 ? `${value.toFixed(1)} %` : "<0.1 %";
};

function makeEffects({ cards, nameElement }) {
  let hidings = null;
  let players = new Map(); // "word 3" -> the hiding of it
  let shown = null;
  let shownBy = null;

  // One line for each answer, in the order of `asked`; null where that element is not a player.
  function linesFor(kind, index) {
    const player = players.get(`${kind} ${index}`);
    if (!player) return null;
    return hidings.asked.map((asked, i) => {
      const other = player.top[i] !== asked.top ? `; the model would say “${player.top[i]}”` : "";
      const moved = Math.abs(player.probability[i] - asked.base) >= MUCH;
      return { kind: asked.kind, index: asked.index, moved,
        change: player.probability[i] - asked.base,
        text: `Without “${nameElement(kind, index)}”: ${asked.answer} ${asked.percent} → ${player.percent[i]}${other}` };
    });
  }

  // by: "pointer" or "focus". A pointer that leaves takes away only what it brought.
  function point(kind, index, by) {
    if (!kind && by !== shownBy) return;
    shownBy = by;
    const key = kind ? `${kind} ${index}` : null;
    if (key === shown) return;
    shown = key;
    cards.showEffects(hidings && key ? linesFor(kind, index) : null, Boolean(hidings));
  }

  const targetOf = (event) => {
    const node = event.target.closest?.("[data-word], [data-region]");
    if (!node) return [null, null];
    return node.dataset.word === undefined ? ["region", Number(node.dataset.region)] : ["word", Number(node.dataset.word)];
  };
  const studio = part("studio");
  studio.addEventListener("pointerover", (event) => point(...targetOf(event), "pointer"));
  studio.addEventListener("pointerleave", () => point(null, null, "pointer"));
  studio.addEventListener("focusin", (event) => point(...targetOf(event), "focus"));
  studio.addEventListener("focusout", () => point(null, null, "focus"));

  return {
    linesFor: (kind, index) => (hidings ? linesFor(kind, index) : null),
    get known() { return hidings; },
    set(found) {
      hidings = found;
      players = new Map((found?.players || []).map((p) => [`${p.kind} ${p.index}`, p]));
      shown = null;
      cards.showEffects(null, Boolean(found));
      studio.dataset.hidings = found ? String(found.players.length) : "";
    },
  };
}

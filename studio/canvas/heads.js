// Head lab: heads are switched off one by one, and the answers move; or all are tried and ranked.

function makeHeads({ why, store, switchHead, allOn, takeAway }) {
  const working = makeWorking(part("heads-work"), "Switching each head off");
  const grid = part("heads-grid");
  const settle = makeRow(grid);
  let size = null;
  let effects = null; // of the present subject
  let rankedFor = null;

  const isOff = (layer, head) => store.now.headsOff.some(([l, h]) => l === layer && h === head);

  function build(layers, heads) {
    if (size === `${layers} ${heads}`) return;
    size = `${layers} ${heads}`;
    grid.style.setProperty("--heads", heads);
    grid.replaceChildren(...Array.from({ length: layers * heads }, (_, i) => {
      const [layer, head] = [Math.floor(i / heads), i % heads];
      return make("button", { type: "button", class: "switch", "data-head": `${layer} ${head}`,
        onclick: () => switchHead(layer, head) }, `${layer + 1}.${head + 1}`);
    }));
    settle();
  }

  function render() {
    const scale = Math.max(0.005, ...(effects || []).map((e) => Math.abs(e.change)));
    for (const button of grid.children) {
      const [layer, head] = button.dataset.head.split(" ").map(Number);
      const effect = effects?.find((e) => e.layer === layer && e.head === head);
      const off = isOff(layer, head);
      setAttribute(button, "aria-pressed", off);
      setAttribute(button, "aria-label", `${headName(layer, head)}, ${off ? "off" : "on"}${
        effect ? `; without it the answer changes by ${points(effect.change)} points` : ""}`);
      button.title = button.getAttribute("aria-label");
      button.style.setProperty("--heat", effect ? Math.min(1, Math.abs(effect.change) / scale).toFixed(3) : "0");
      button.classList.toggle("against", Boolean(effect) && effect.change > 0);
    }
    setAttribute(part("heads-on"), "aria-disabled", !store.now.headsOff.length);
    setHidden(part("heads-csv"), !effects);
    setText(part("heads-key"), effects ? "Blue: the answer needs this head. Orange: the head speaks against it. Click a head to switch it off."
      : "Layer.head, as counted from 1. Click a head to switch it off; the answers change.");
    part("heads-list").replaceChildren(...(effects ? [make("table", {}, make("caption", {}, "The heads that matter most, in points of probability"),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Head switched off"), make("th", { scope: "col" }, "Change of the answer"))),
      make("tbody", {}, ...effects.slice(0, 8).map((e) => make("tr", {}, make("th", { scope: "row" }, headName(e.layer, e.head)),
        make("td", {}, points(e.change))))))] : []));
  }

  async function rank() {
    const { subject, asked } = why;
    const reply = await working.show(why.ask("why_heads", { asked }, working.progress));
    if (why.subject !== subject || why.asked !== asked) return;
    [effects, rankedFor] = [reply.heads, { subject, asked }];
    part("why").dataset.heads = String(effects.length);
    render();
  }

  part("heads-rank").addEventListener("click", () => { if (why.subject) why.quietly(rank()); });
  part("heads-on").addEventListener("click", () => { if (store.now.headsOff.length) allOn(); });
  part("heads-csv").addEventListener("click", () => takeAway("heads"));

  // The answers once more, beside the heads: they are further up on the page.
  const echoes = new Map();
  function echo(reply) {
    const wanted = [...reply.words.map((a) => ["word", a]), ...reply.regions.map((a) => ["region", a])];
    part("echoes").replaceChildren(...wanted.map(([kind, answer]) => {
      const key = `${kind} ${answer.index}`;
      if (!echoes.has(key)) {
        const card = makeCard(kind);
        card.node.className = "echo";
        card.why.remove();
        card.show.remove();
        card.effect.remove();
        echoes.set(key, card);
      }
      fillCard(echoes.get(key), answer);
      return echoes.get(key).node;
    }));
  }

  return {
    answered(reply) {
      echo(reply);
      if (size) render();
    },
    async show() {
      if (rankedFor?.subject !== why.subject || rankedFor?.asked !== why.asked) effects = null;
      const { subject } = why;
      const sent = await why.ask("why_attention", {}).result;
      if (why.subject !== subject || why.tab !== "heads") return;
      build(sent.layers, sent.heads);
      render();
    },
  };
}

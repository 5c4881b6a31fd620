// The picture and the caption once more, painted by an explanation: blue speaks for, orange against, one scale for both.

const SHARPEST = 640; // pixels of the paint's longer side

function makeStage({ pointed, chosen }) {
  const areas = part("areas");
  const tokens = part("tokens");
  const settle = [makeRow(areas), makeRow(tokens)];
  let drawnFor = null;
  let state = null;
  let label = null;

  function button(kind, index, className, ...children) {
    const node = make("button", { type: "button", class: className, [`data-${kind}`]: index }, ...children);
    const point = () => pointed(kind, index);
    node.addEventListener("pointerenter", point);
    node.addEventListener("focus", point);
    node.addEventListener("pointerleave", () => pointed(null, null));
    node.addEventListener("blur", () => pointed(null, null));
    node.addEventListener("click", () => chosen(kind, index));
    return node;
  }

  function build() {
    const { photo, chips, regions } = state;
    const image = part("why-image");
    setAttribute(image, "alt", photo.shows);
    if (image.getAttribute("src") !== photo.picture) image.src = photo.picture;
    part("why-frame").style.setProperty("--ratio", String(photo.width / photo.height));
    areas.replaceChildren(...regions.slice(1).map((region, i) => {
      const node = button("region", i + 1, "area", make("span", { class: "value" }));
      setPlace(node, region.box);
      setAttribute(node, "aria-label", `Region ${nameOf(regions, i + 1)}`);
      return node;
    }));
    const pieces = [];
    chips.words.forEach((word, index) => {
      if (word.before) pieces.push(word.before);
      const token = button("word", index, word.readable ? "token" : "token unread", word.text);
      if (!word.known) token.dir = "ltr"; // a mask does not decide which way the caption runs
      pieces.push(token);
    });
    tokens.replaceChildren(...pieces, chips.after);
    settle.forEach((one) => one());
  }

  // Where boxes overlap the strongest one is seen, not their sum.
  function glow(values, scale) {
    const canvas = part("glow");
    const { width, height } = state.photo;
    canvas.width = Math.round(width * Math.min(1, SHARPEST / Math.max(width, height)));
    canvas.height = Math.round(height * Math.min(1, SHARPEST / Math.max(width, height)));
    const context = canvas.getContext("2d");
    const colours = getComputedStyle(canvas); // those of the light or the dark scheme
    const order = (values || []).map((value, index) => ({ value, index })).slice(1)
      .sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
    for (const { value, index } of order) {
      const [x1, y1, x2, y2] = state.regions[index].box;
      const place = [x1 * canvas.width, y1 * canvas.height, (x2 - x1) * canvas.width, (y2 - y1) * canvas.height];
      if (!scale || !value || isHidden("region", index)) continue;
      context.clearRect(...place);
      context.fillStyle = colours.getPropertyValue(value < 0 ? "--against" : "--for");
      context.globalAlpha = Math.min(1, Math.abs(value) / scale);
      context.fillRect(...place);
    }
  }

  function tint(node, value, scale) {
    const heat = scale ? Math.min(1, Math.abs(value) / scale) : 0;
    node.style.setProperty("--heat", heat.toFixed(3));
    node.classList.toggle("against", value < 0);
    return heat;
  }

  const isHidden = (kind, index) => (kind === "word"
    ? state.hiddenWords.includes(index) || !state.chips.words[index].known : state.hiddenRegions.includes(index));

  return {
    get state() { return state; },
    render(now) {
      state = now;
      if (now.photo === drawnFor?.photo && now.chips === drawnFor?.chips && now.regions === drawnFor?.regions) return;
      drawnFor = now;
      build();
    },
    nameOf: (kind, index) => (kind === "word" ? wordName(state.chips.words, index) : nameOf(state.regions, index)),
    isHidden,
    // words, regions: values, or null for a stage without paint. say(value): how a value reads.
    paint({ words = null, regions = null, scale = 0, marked = null, say = () => "" }) {
      label = say;
      const top = regions ? regions.map((v, i) => [Math.abs(v), i]).sort((a, b) => b[0] - a[0]).slice(0, 3)
        .filter(([v]) => v > 0.15 * scale).map(([, i]) => i) : [];
      glow(regions, scale);
      for (const node of areas.children) {
        const index = Number(node.dataset.region);
        const value = regions ? regions[index] : 0;
        const heat = tint(node, value, scale);
        const hidden = isHidden("region", index);
        node.classList.toggle("hidden-one", hidden);
        node.classList.toggle("marked", marked?.kind === "region" && marked.index === index);
        node.classList.toggle("faint", !hidden && heat < 0.04 && !state.regions[index].first);
        node.style.zIndex = String(10 + Math.round(800 * heat) + (hidden ? 900 : 0));
        setText(node.firstChild, top.includes(index) ? say(value) : "");
        setAttribute(node, "aria-label", `Region ${nameOf(state.regions, index)}${hidden ? ", hidden" : ""}${
          regions && !hidden ? `: ${say(value)}` : ""}`);
      }
      for (const node of tokens.children) {
        const index = Number(node.dataset.word);
        const value = words ? words[index] : 0;
        const hidden = isHidden("word", index);
        tint(node, value, scale);
        node.classList.toggle("hidden-one", hidden);
        node.classList.toggle("marked", marked?.kind === "word" && marked.index === index);
        setAttribute(node, "aria-label", `${wordName(state.chips.words, index)}${hidden ? ", hidden" : ""}${
          words && !hidden ? `: ${say(value)}` : ""}`);
      }
    },
    say: (value) => (label ? label(value) : ""),
  };
}

const wordName = (words, index) => numberedName(words.map((w) => w.text), index, (text, number) => `${text} (${number})`);

// scale: the largest size, as text. signed: whether there is an orange half.
function renderLegend({ signed, scale, forIt, against }) {
  part("legend").replaceChildren(...(scale ? [
    make("div", { class: `ramp${signed ? " signed" : ""}`, "aria-hidden": "true" }),
    make("div", { class: "ends" }, ...(signed ? [make("span", {}, `− ${scale} ${against}`), make("span", {}, "0")] : [
      make("span", {}, "0")]), make("span", {}, `${signed ? "+ " : ""}${scale} ${forIt}`)),
  ] : []));
}

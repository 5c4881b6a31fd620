// Pixel masking against feature masking, side by side.

function makeLeak({ why, stage }) {
  const working = makeWorking(part("leak-work"), "Both ways of hiding");

  function bar(name, kind, probability, text, top) {
    const made = makeBar(kind);
    made.fill.style.width = share(probability);
    return make("div", {}, make("dt", {}, name), make("dd", {}, made.node, make("span", { class: "number" }, tight(text))),
      make("dd", { class: "hint" }, `it says “${top}”`));
  }

  return {
    async show() {
      const { subject } = why;
      const body = part("leak-body");
      if (!subject.state.hiddenRegions.length) {
        body.replaceChildren(make("p", {}, "Hide a region of the photo first: then both ways of hiding it are compared here."));
        return;
      }
      body.replaceChildren();
      const { leaks } = await working.show(why.ask("why_leak", {}));
      if (why.subject !== subject || why.tab !== "leak") return;
      body.replaceChildren(...leaks.map((leak) => make("article", { class: "leak" },
        make("h3", {}, `Region ${stage.nameOf("region", leak.region)}`),
        make("dl", {}, bar("fast: feature hidden", "all", leak.feature, leak.feature_percent, leak.feature_top),
          bar("faithful: pixels hidden", "words", leak.pixels, leak.pixels_percent, leak.pixels_top)),
        make("p", {}, tight(leak.sentence)))));
      part("why").dataset.leaks = String(leaks.length);
    },
  };
}

// "Why?": which answer is explained, which way of looking at it is open, and what the server has said about it so far.

const REST = 600; // milliseconds without a step before anything is computed ahead

function makeWhy({ courier, effects, speak }) {
  const section = part("why");
  const works = makeWorks(courier);
  const kept = new Map(); // what was asked about the present subject -> a task
  let timer = null;
  let near = false;
  let any = false; // whether something is hidden whose answer could be explained
  const why = { subject: null, asked: null, tab: "map", panels: {},
    call: (name, fields) => courier.call(name, fields),
    // A task about the present subject; the same one again where it was asked before.
    ask(name, fields, progress = null) {
      const key = JSON.stringify([name, fields]);
      if (!kept.has(key)) {
        const task = works.start(name, why.subject, fields, progress);
        kept.set(key, task);
        task.result.catch(() => kept.delete(key));
      }
      return kept.get(key);
    },
    refresh,
    showEmpty,
    get near() { return near; },
    // Something may be told to leave or stop at any moment; nobody needs to hear of it twice.
    quietly: (promise) => promise.catch((problem) => { if (!(problem instanceof Problem)) throw problem; }),
  };
  const stage = makeStage({
    pointed(kind, index) { why.panels[why.tab]?.point?.(kind, index); tell(kind, index); },
    chosen(kind, index) { why.panels[why.tab]?.choose?.(kind, index); },
  });

  function tell(kind, index) {
    const own = kind && !stage.isHidden(kind, index) ? effects.linesFor(kind, index)
      ?.find((l) => l.kind === why.asked?.kind && l.index === why.asked?.index) : null;
    const value = kind && part("areas").querySelector(`[data-${kind}="${index}"]`);
    const label = (value || (kind && part("tokens").querySelector(`[data-${kind}="${index}"]`)))?.getAttribute("aria-label") || "";
    setText(part("pointed"), tight([label, own?.text].filter(Boolean).join(" · ")));
  }

  function renderAsked() {
    const { reply, state } = why.subject;
    const all = [...reply.words.map((a) => ["word", a]), ...reply.regions.map((a) => ["region", a])];
    if (!all.some(([kind, a]) => kind === why.asked?.kind && a.index === why.asked.index)) {
      const [kind, answer] = all[0];
      why.asked = { kind, index: answer.index, answer: "" };
    }
    part("asked").replaceChildren(...all.map(([kind, answer]) => make("button", { type: "button", class: "pill",
      "aria-pressed": String(kind === why.asked.kind && answer.index === why.asked.index),
      onclick: () => choose(kind, answer.index) },
    `${kind === "word" ? "word" : "region"} “${answer.known ? answer.truth : kind === "word" ? state.chips.words[answer.index].text
      : nameOf(state.regions, answer.index)}”`)));
    const [, shown] = all.find(([kind, a]) => kind === why.asked.kind && a.index === why.asked.index);
    const several = shown.note !== ""; // a word of several pieces: the list is about its last piece only
    const answers = [...new Set([...(shown.known ? [shown.truth] : []), ...(several ? [] : shown.best.map((b) => b.text))])]
      .filter((text) => text.toLowerCase() !== shown.truth?.toLowerCase() || text === shown.truth);
    const named = (text, i) => (i === 0 && shown.known && why.asked.kind === "region" ? `${text} (detector’s label)` : text);
    part("answer").replaceChildren(...answers.map((text, i) => make("option", { value: i === 0 ? "" : text }, named(text, i))));
    part("answer").value = why.asked.answer;
  }

  function choose(kind, index, answer = "") {
    why.asked = { kind, index, answer };
    if (!why.subject) return; // a step was taken: the next answer is explained when it is there
    why.panels.attention.ask(why.asked);
    renderAsked();
    refresh();
  }
  part("answer").addEventListener("change", (event) => choose(why.asked.kind, why.asked.index, event.target.value));

  function openTab(name) {
    why.tab = name;
    section.dataset.tab = name;
    for (const tab of part("why-tabs").children) setAttribute(tab, "aria-selected", tab.dataset.tab === name);
    for (const tab of part("why-tabs").children) tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    for (const panel of section.querySelectorAll(".panel")) setHidden(panel, panel.dataset.panel !== name);
    showEmpty();
    refresh();
  }
  makeRow(part("why-tabs"));
  for (const tab of part("why-tabs").children) tab.addEventListener("click", () => openTab(tab.dataset.tab));

  // The map that the page begins with is made ahead, whatever is in sight; the rest once somebody looks.
  function refresh() {
    if (!why.subject || (!near && why.tab !== "map")) return;
    if (why.tab !== "map") {
      stage.paint({});
      renderLegend({ scale: 0 });
    }
    const shown = why.panels[why.tab].show();
    if (shown) why.quietly(shown);
  }

  function settled() {
    const { subject } = why;
    why.quietly(why.ask("why_hidings", {}).result.then((found) => {
      if (why.subject !== subject) return;
      effects.set(found);
      why.panels.map.refreshTable();
    }));
    refresh();
  }

  // What one gets, where nothing is painted.
  function showEmpty() {
    const bare = !any && why.tab !== "compare";
    section.classList.toggle("bare", bare);
    setHidden(part("why-empty"), !bare && (why.tab !== "map" || Boolean(section.dataset.map)));
    setText(part("why-empty-lead"), bare ? "Hide a word or a box: here you see which other words and boxes the answer rests on."
      : "Which words and which boxes this answer rests on: it comes by itself, a moment after the answer.");
  }

  // The visitor has taken a step: what is being computed about the state before is of no use any more.
  function moved() {
    clearTimeout(timer);
    for (const panel of Object.values(why.panels)) panel.drop?.();
    works.stopAll();
    kept.clear();
    why.subject = null;
    effects.set(null);
    section.classList.add("stale");
  }

  new IntersectionObserver((entries) => {
    const was = near;
    near = entries[entries.length - 1].isIntersecting;
    if (near && !was) refresh();
  }).observe(section);

  return Object.assign(why, {
    stage, openTab, moved, works,
    start(panels) { why.panels = panels; openTab("map"); },
    // An answer is on the page; `reply` may be replaced by the faithful one soon.
    answered(state, reply) {
      moved();
      any = reply.words.length + reply.regions.length > 0;
      setHidden(section, false);
      if (!any && stage.state) why.panels.map.clear();
      showEmpty();
      if (!any || !state.chips || !state.regions) return;
      stage.render(state);
      if (state.hiddenRegions.length && reply.masking === "feature") return; // the faithful answer goes before
      timer = setTimeout(() => {
        why.subject = { state, reply, masking: reply.masking };
        section.classList.remove("stale");
        renderAsked();
        settled();
      }, REST);
    },
    about(kind, index) {
      section.scrollIntoView({ behavior: "smooth", block: "start" });
      if (why.subject) choose(kind, index);
      else why.asked = { kind, index, answer: "" };
      speak("The explanation is below.");
    },
  });
}

// BertViz beside our own maps, in a frame that can neither reach the page nor the network.

function makeBertViz({ why }) {
  const working = makeWorking(part("bertviz-work"), "BertViz");

  async function open(view) {
    const { subject } = why;
    const sent = await working.show(why.ask("why_bertviz", { view }));
    if (why.subject !== subject) return;
    const frame = make("iframe", { sandbox: "allow-scripts", title: `BertViz, ${view} view`, referrerpolicy: "no-referrer" });
    frame.srcdoc = sent.html;
    part("bertviz").replaceChildren(make("div", { class: "row" }, make("b", {}, `BertViz: ${view} view`), make("span", { class: "hint" }, sent.note),
      make("button", { type: "button", class: "small", onclick: close }, "Close")), frame);
    setHidden(part("bertviz"), false);
  }

  function close() {
    part("bertviz").replaceChildren();
    setHidden(part("bertviz"), true);
  }

  for (const view of ["head", "model"]) part(`bertviz-${view}`).addEventListener("click", () => { if (why.subject) why.quietly(open(view)); });
  return { close };
}

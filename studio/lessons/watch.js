// The run that the tab “Teach” would start, started from a lesson and followed beside it.

const TEACH = "Teach";
const PATIENCE = 30000, OFTEN = 100; // milliseconds
const GOING = ["waiting", "running"].map((s) => `#training-progress .state[data-state="${s}"]`).join();

const tabs = () => [...document.querySelectorAll('#tabs > .tab-wrapper [role="tab"]')];
const tabNamed = (name) => tabs().find((t) => t.textContent.trim() === name);

async function appears(find) {
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, OFTEN));
  }
  throw new Error("The tab “Teach” did not start a run. Open it and press Start there: it says what is missing.");
}

// A tab has no content before it was open, so it is opened, and the visitor brought back.
async function startRun() {
  const back = tabs().find((t) => t.getAttribute("aria-selected") === "true");
  tabNamed(TEACH).click();
  try {
    await appears(() => document.querySelector("#training-command textarea")?.value
      && document.querySelector("#training-progress .teach"));
    if (!document.querySelector(GOING)) document.querySelector("#training-start").click();
    await appears(() => document.querySelector(GOING));
  } finally {
    back.click();
  }
}

// Shows in `place` what the tab shows of the run, until the function that it returns is called.
function mirrorRun(place) {
  const copy = () => place.replaceChildren(...["#training-progress .teach", "#training-charts figure"]
    .map((name) => document.querySelector(name)?.cloneNode(true)).filter(Boolean));
  const watcher = new MutationObserver(copy);
  watcher.observe(document.getElementById("training"), { childList: true, subtree: true, attributes: true });
  copy();
  return () => { watcher.disconnect(); place.replaceChildren(); };
}

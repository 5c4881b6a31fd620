// Which adapter answers: shipped, trained here, or a file of the visitor's, which the page keeps to hand it in again.

const commandsFor = (task) => "python -m engine scenes --out scenes/train --count 1000 --seed 1\n"
  + `python -m engine finetune ${task} --data scenes/train --tune lora --out runs/${task}`;
const TAUGHT = { ask: "answer a question", choose: "choose one of four", point: "point at what words mean" };
const WAITING = "The model is loading. Your question is asked by itself when it is there.";
const MOST_ADAPTER_MEGABYTES = 60;
const TASK_OF = { ask: "vqa", choose: "vcr", point: "grounding" };
const MODE_OF = { vqa: "ask", vcr: "choose", grounding: "point" };

function makeAdapters(courier, { complain, changed }) {
  const own = new Map(); // key -> { file, offer }
  const chosen = {};
  let offers = [];
  let known = false; // whether the studio has said which there are

  const forMode = (mode) => [...offers, ...[...own.values()].map((o) => o.offer)].filter((o) => o.task === TASK_OF[mode]);

  async function hand(file) {
    if (file.size > MOST_ADAPTER_MEGABYTES * 1024 * 1024) {
      throw new Problem(`${file.name}: the file has ${Math.round(file.size / 1024 / 1024)} MB; at most `
        + `${MOST_ADAPTER_MEGABYTES} are taken. Choose a file that fine-tuning wrote.`, "WeightsError");
    }
    return courier.bring(file);
  }

  part("bring").addEventListener("click", () => part("adapter-file").click());
  part("adapter-file").addEventListener("change", async () => {
    const [file] = part("adapter-file").files;
    part("adapter-file").value = "";
    if (!file) return;
    try {
      const offer = await hand(file);
      own.set(offer.key, { file, offer });
      chosen[MODE_OF[offer.task]] = offer.key;
      changed(MODE_OF[offer.task]);
    } catch (problem) {
      complain(problem.message);
    }
  });
  part("adapter").addEventListener("change", () => {
    const key = part("adapter").value;
    const offer = [...offers, ...[...own.values()].map((o) => o.offer)].find((o) => o.key === key);
    chosen[MODE_OF[offer.task]] = key;
    changed(MODE_OF[offer.task]);
  });

  return {
    get known() { return known; },
    async refresh() {
      offers = (await courier.call("adapters")).adapters;
      known = true;
    },
    key(mode) {
      const all = forMode(mode);
      return all.some((o) => o.key === chosen[mode]) ? chosen[mode] : all[0]?.key ?? null;
    },
    knowsScenes(mode) {
      return Boolean(forMode(mode).find((o) => o.key === this.key(mode))?.scenes);
    },
    // The studio keeps a visitor's file for a while only: then it is handed in once more.
    async again(key) {
      if (!own.has(key)) return false;
      await hand(own.get(key).file);
      return true;
    },
    render(mode, ready) {
      const all = forMode(mode);
      const loading = part("studio").dataset.model === "loading";
      const select = part("adapter");
      const drawn = all.map((o) => `${o.key}\n${o.name}`).join("\n") || `${loading} ${known}`;
      if (select.drawnFor !== drawn) {
        select.drawnFor = drawn;
        select.replaceChildren(...(all.length ? all.map((o) => make("option", { value: o.key }, o.name))
          : [make("option", { value: "" }, loading ? "loading…" : known ? "no adapter yet" : "not known yet")]));
      }
      select.disabled = all.length === 0;
      select.value = this.key(mode) ?? "";
      setText(part("adapter-note"), loading ? WAITING : all.find((o) => o.key === this.key(mode))?.about || "");
      setText(part("missing-task"), TAUGHT[mode]);
      setText(part("commands"), commandsFor(TASK_OF[mode]));
      setHidden(part("missing"), !ready || !known || all.length > 0);
      setAttribute(part("submit"), "aria-disabled", all.length === 0 && (known || loading));
    },
  };
}

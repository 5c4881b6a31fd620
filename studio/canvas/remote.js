// What a lesson may do with the canvas: set a scene and get the model's answers to it. It takes the steps a visitor
// takes, so that undo leads back to what was there before.
//
// scene: { example, caption, words: texts to hide, regions: numbers to hide, boxes: own ones or [], reversed, why: whether
// the proofs of two maps are wanted, too }.

const PROVEN = ["attention", "leave_one_out"];

function makeRemote() {
  let works = null;
  let waiting = null; // { matches, faithful, replies, resolve, reject }
  let turn = 0; // counts the scenes: one goes on only while no other was asked for

  function answered(state, next) {
    if (!waiting || !waiting.matches(state)) return;
    waiting.replies[next.masking || "feature"] = next;
    if (waiting.faithful && next.masking === "feature") return;
    waiting.resolve(waiting.replies);
    waiting = null;
  }

  // A step of the visitor's leads away from the scene: its answer will not come.
  function moved(state) {
    if (waiting && !waiting.matches(state)) failed(new Problem("The canvas was changed before the answer came. "
      + "Try again: it is set up once more.", "MovedError"));
  }

  function failed(problem) {
    waiting?.reject(problem);
    waiting = null;
  }

  // Resolves with { feature, pixels, proofs }: the answers as the page shows them, pixels only where regions are hidden;
  // proofs by method where the scene wants them.
  async function show(scene) {
    const superseded = new Problem("Another scene was asked for.", "SupersededError");
    failed(superseded);
    turn += 1;
    const mine = turn;
    const check = () => { if (mine !== turn) throw superseded; };
    while (!modelReady) {
      if (modelFailed) throw new Problem(modelProblem, "NoModel");
      await new Promise((resolve) => { setTimeout(resolve, POLL); });
      check();
    }
    notices.clear();
    await setPhoto(scene, check);
    const { chips, hiddenWords } = await readScene(scene);
    check();
    const { photo } = store.now;
    const result = new Promise((resolve, reject) => {
      waiting = { resolve, reject, replies: {}, faithful: scene.regions.length > 0,
        matches: (state) => state.photo === photo && state.caption === scene.caption
          && state.hiddenWords.join() === hiddenWords.join() && state.hiddenRegions.join() === scene.regions.join() };
    });
    step({ caption: scene.caption, chips, suggested: false, hiddenWords, hiddenRegions: scene.regions,
      ...(scene.reversed ? backwards(store.now) : {}) });
    const replies = await result;
    return scene.why ? { ...replies, proofs: await prove(replies.feature, check) } : replies;
  }

  async function prove(reply, check) {
    const subject = { state: store.now, masking: "feature" };
    const [kind, { index }] = reply.words.length ? ["word", reply.words[0]] : ["region", reply.regions[0]];
    const proofs = {};
    for (const method of PROVEN) {
      works ??= makeWorks(courier, 1e9); // numbers of its own, apart from those of “Why?”
      check();
      proofs[method] = await works.start("why_proof", subject, { asked: { kind, index, answer: "" }, method }).result;
    }
    return proofs;
  }

  return { answered, moved, failed, show };
}

// check(): raises where another scene was asked for meanwhile.
async function setPhoto(scene, check) {
  const { now } = store;
  const boxes = JSON.stringify(scene.boxes);
  const asItIs = now.photo?.source.number === scene.example && now.regions && now.photo.boxes === boxes
    && (!now.edited || scene.boxes.length > 0);
  if (asItIs) return;
  opening += 1;
  const mine = opening;
  const { photo } = await courier.open({ number: scene.example }, "");
  check();
  if (mine !== opening) throw new Problem("Another photo was opened meanwhile. Try again: the lesson’s comes back.", "MovedError");
  editor.close();
  store.open({ photo: Object.freeze({ ...photo, hide: null, boxes }), caption: scene.caption });
  if (scene.boxes.length) {
    const own = [[0, 0, 1, 1], ...scene.boxes].map((box) => ({ box, label: null, percent: "", mine: true }));
    store.amend({ regions: own, edited: true });
  }
  await look(store.now);
  check();
}

async function readScene({ caption, words }) {
  const chips = await courier.call("read", { caption });
  const hiddenWords = words.map((word) => chips.words.findIndex((w) => w.text === word)).sort((a, b) => a - b);
  return { chips, hiddenWords };
}

const backwards = (state) => ({ edited: true,
  regions: [state.regions[0], ...state.regions.slice(1).reverse().map((r) => ({ ...r, label: null, percent: "" }))] });

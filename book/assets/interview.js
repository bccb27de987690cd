// The interview room: choose, search, mix, and be asked. The questions stand in
// the page; without this script they are all there, in order, folded.
(() => {
  const form = document.querySelector("form.room");
  const questions = [...document.querySelectorAll("details.question")];
  const told = form.querySelector(".told");
  const { group, kind, level, progress, words } = form.elements;
  const { test, fold, mix, print, forget } = form.elements;

  // Progress: "known" or "again" for each question, in this browser only.
  const KEY = "re-inventing-bert-interview";
  let marks = {};
  let kept = true;
  try {
    marks = JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    // Forbidden or not ours: begin with nothing.
  }
  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(marks));
    } catch {
      kept = false;
    }
    for (const one of questions) {
      if (marks[one.id]) one.dataset.progress = marks[one.id];
      else delete one.dataset.progress;
    }
  }

  // What is shown: of each question whether it fits the choices.
  const texts = new Map(
    questions.map((one) => [one, one.textContent.toLowerCase()]),
  );
  function fits(one) {
    const known = marks[one.id] === "known" ? "known" : "open";
    return (
      [group, kind, level].every(
        (list) => !list.value || one.dataset[list.name] === list.value,
      ) &&
      (!progress.value || progress.value === known) &&
      words.value
        .toLowerCase()
        .split(/\s+/)
        .every((word) => texts.get(one).includes(word))
    );
  }
  const shown = () => questions.filter((one) => !one.hidden);
  function show(chosen) {
    for (const one of questions) one.hidden = !chosen.includes(one);
    for (const part of sections)
      part.hidden = !part.querySelector("details.question:not([hidden])");
  }
  function choose() {
    show(questions.filter(fits));
    report();
  }
  function report() {
    const there = shown();
    const known = there.filter((one) => marks[one.id] === "known").length;
    told.textContent =
      `${there.length} of ${questions.length} questions, ${known} known.` +
      (kept ? "" : " This browser keeps no progress after you leave.");
    const open = there.length > 0 && there.every((one) => one.open);
    fold.textContent = open ? "Hide all answers" : "Show all answers";
    test.disabled = there.length === 0;
  }

  // The order: that of the book, under its headings, or a mixed one.
  const home = new Map(questions.map((one) => [one, one.parentElement]));
  const mixed = document.createElement("section");
  mixed.className = "mixed";
  const sections = [...new Set(home.values()), mixed];
  form.after(mixed);
  function order() {
    if (mixed.firstChild) {
      for (const one of questions) home.get(one).append(one);
      mix.textContent = "Shuffle";
    } else {
      const drawn = questions.map((one) => [Math.random(), one]);
      drawn.sort(([a], [b]) => a - b);
      mixed.append(...drawn.map(([, one]) => one));
      mix.textContent = "Back in order";
    }
    choose();
  }

  // The test: one question at a time; those not known come again at the end.
  const verdict = document.createElement("p");
  verdict.className = "verdict buttons";
  verdict.hidden = true;
  const place = document.createElement("span");
  place.setAttribute("role", "status");
  const button = (label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  };
  const knew = button("Knew it", () => judge("known"));
  const again = button("Not yet", () => judge("again"));
  const end = button("End the test", stop);
  verdict.append(knew, again, end, place);
  let queue = [];
  let done = 0;
  function start() {
    queue = [...document.querySelectorAll("details.question")].filter(
      (one) => !one.hidden,
    );
    done = 0;
    form.hidden = true;
    document.body.classList.add("asking");
    ask();
  }
  function ask() {
    const [one] = queue;
    for (const other of questions) other.open = false;
    show([one]);
    one.after(verdict);
    verdict.hidden = false;
    knew.hidden = again.hidden = true;
    place.textContent =
      `${done} known, ${queue.length} to go. ` +
      "Answer aloud, then open the question.";
    one.querySelector("summary").focus();
  }
  function judge(mark) {
    const one = queue.shift();
    marks[one.id] = mark;
    keep();
    if (mark === "known") done += 1;
    else queue.push(one);
    if (queue.length) ask();
    else stop();
  }
  function stop() {
    queue = [];
    verdict.hidden = true;
    form.hidden = false;
    document.body.classList.remove("asking");
    for (const one of questions) one.open = false;
    choose();
    test.focus();
  }

  function unfolded(one) {
    knew.hidden = again.hidden = !one.open;
    if (one.open) {
      place.textContent = `${done} known, ${queue.length} to go.`;
      knew.focus({ preventScroll: true });
    }
  }

  for (const one of questions)
    one.addEventListener("toggle", () => {
      if (queue.length === 0) report();
      else if (one === queue[0]) unfolded(one);
    });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && queue.length) stop();
  });
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  test.addEventListener("click", start);
  mix.addEventListener("click", order);
  print.addEventListener("click", () => window.print());
  fold.addEventListener("click", () => {
    const open = !shown().every((one) => one.open);
    for (const one of shown()) one.open = open;
    report();
  });
  forget.addEventListener("click", () => {
    if (!confirm("Forget which questions you know?")) return;
    marks = {};
    keep();
    choose();
  });
  // A link to one question opens it.
  function follow() {
    const one = document.getElementById(location.hash.slice(1));
    if (!questions.includes(one)) return;
    one.open = true;
    one.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  keep();
  form.reset();
  form.hidden = false;
  choose();
  follow();
})();

/* The playground of "Re-inventing BERT". Python draws the picture at its start
   and writes all frames as JSON; this script adds the sliders and moves what
   is drawn. The parts @start, @dom and @mount stand in inline.js. */
(function () {
  "use strict";
  /* @start */

  /* @dom */

  /* A native range input over the positions of the values. */
  function knob({ name, values, start }, change) {
    const value = el("b", { class: "rb-value" }, values[start]);
    const input = el("input", {
      type: "range", min: 0, max: values.length - 1, step: 1, value: start,
      "aria-label": name, "aria-valuetext": values[start],
      autocomplete: "off",
    });
    input.addEventListener("input", () => {
      value.textContent = values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
      change();
    });
    // Arrow keys move this slider and nothing of the page around it.
    input.addEventListener("keydown", (event) => event.stopPropagation());
    const node = el("label", { class: "rb-knob" },
      el("span", {}, el("bdi", {}, name), " ", value), input);
    return { node, at: () => Number(input.value) };
  }

  /* A number as Python writes it: an integer in units of 10 ** -digits. */
  const shown = ({ digits, unit }, n) =>
    (n / 10 ** digits).toFixed(digits) + unit;

  function part({ digits, limits: [low, high] }, n) {
    return (n / 10 ** digits - low) / (high - low);
  }

  function moveBars(root, data, frame) {
    const zero = part(data, 0);
    root.querySelectorAll(".rb-bar").forEach((bar, i) => {
      const end = part(data, frame[i]);
      const { style } = bar.querySelector(".rb-length");
      style.left = `${100 * Math.min(zero, end)}%`;
      style.width = `${100 * Math.abs(end - zero)}%`;
      bar.querySelector(".rb-number").textContent = shown(data, frame[i]);
    });
  }

  function moveLines(root, data, frame) {
    const { across } = data;
    root.querySelectorAll(".rb-curve").forEach((curve, line) => {
      const points = across.map((x, i) => {
        const y = 1 - part(data, frame[line * across.length + i]);
        return `${x} ${(1000 * y).toFixed(1)}`;
      });
      curve.setAttribute("d", `M${points.join("L")}`);
    });
  }

  async function mount(root) {
    const text = root.querySelector("script.rb-data").textContent;
    const data = JSON.parse(text);
    const move = data.across ? moveLines : moveBars;
    const line = root.querySelector(".rb-status");
    const change = () => {
      let at = 0; // the last slider runs fastest
      knobs.forEach((k, i) =>
        (at = at * data.sliders[i].values.length + k.at()));
      move(root, data, data.frames[at]);
      if (line.textContent !== data.texts[at])
        line.textContent = data.texts[at];
    };
    const knobs = data.sliders.map((slider) => knob(slider, change));
    root.querySelector(".rb-setting").replaceWith(
      el("div", { class: "rb-knobs" }, ...knobs.map((k) => k.node)));
    const fold = root.querySelector(".rb-fold");
    fold.open = false;
    fold.querySelector(".rb-scroll").tabIndex = 0;
    if (document.getElementById(root.id) !== root)
      root.id += `-${document.querySelectorAll(".rb-playground").length}`;
    root.classList.add("rb-live");
  }

  /* @mount */

  window.__reinventPlayground = { version: VERSION, mountAll };
  document.addEventListener("DOMContentLoaded", mountAll);
  mountAll();
})();

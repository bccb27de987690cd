/* What a view of bertviz needs around it. Python writes menus and numbers as
   JSON and, before this script, d3 and the JavaScript of the view, which lie
   ready in __reinventParts. Here they are put together in a shadow root: the
   view finds only its own elements, whatever their ids, and the page none of
   them. The parts @start, @dom and @mount stand in inline.js. */
(function () {
  "use strict";
  /* @start */

  const WIDTHS = { head: 340, model: 970, neuron: 1010 }; // as bertviz draws
  const SMALLEST = 0.65; // a view that would have to shrink more scrolls
  const LABELS = { layer: "Layer", att_head: "Head", filter: "Attention" };
  const STYLE = `
    :host { display: block; direction: ltr; }
    #bertviz.root { color: #1f2328; background: none !important;
      font-size: 15px; line-height: 1.4; padding: 0 !important; }
    select { font: inherit; color: inherit; background: #fff;
      min-height: 1.9rem; margin: 0 0.8rem 0.5rem 0;
      border: 1px solid #7d858d; border-radius: 4px; }
    select:focus-visible { outline: 3px solid #1f6fa8; outline-offset: 1px; }
    svg { display: block; min-height: var(--rows, 0); }
    .attn_background[fill="white"] { fill: none; }
    .detail .token { font-size: 14px; }
    #expanded .token { font-size: 17px; }`;

  /* @dom */

  /* The part of jQuery that bertviz calls, on what is inside `root`. */
  function within(root) {
    return (what) => {
      const nodes = what.startsWith("<")
        ? [document.createElement("option")]
        : [...root.querySelectorAll(what)];
      const each = (change) => (...given) => {
        nodes.forEach((node) => change(node, ...given));
        return all;
      };
      const all = {
        nodes,
        append: each((node, child) => node.append(...child.nodes)),
        attr: each((node, name, value) => node.setAttribute(name, value)),
        change: each((node) => node.dispatchEvent(new Event("change"))),
        empty: each((node) => node.replaceChildren()),
        on: each((node, kind, act) => node.addEventListener(kind, act)),
        text: each((node, text) => (node.textContent = text)),
        val: each((node, value) => (node.value = value)),
      };
      return all;
    };
  }

  /* d3 whose selections by name begin at `root`, not at the page. */
  function d3Within(root) {
    const { d3 } = window.__reinventParts;
    const named = (what) => typeof what === "string";
    return Object.assign({}, d3, {
      select: (what) => d3.select(named(what) ? root.querySelector(what)
        : what),
      selectAll: (what) => d3.selectAll(named(what)
        ? root.querySelectorAll(what) : what),
    });
  }

  function draw(root, { kind, params }) {
    const load = (names, view) => view(within(root), d3Within(root));
    const page = { bertviz_params: params };
    window.__reinventParts[kind](load, params, page, { log() {} });
  }

  /* Integers back to numbers. */
  function scale(numbers, unit) {
    return Array.isArray(numbers)
      ? numbers.map((one) => scale(one, unit)) : numbers / unit;
  }

  function unpack({ params, unit }) {
    for (const part of Object.values(params.attention))
      for (const name of ["attn", "queries", "keys"])
        if (part[name]) part[name] = scale(part[name], unit);
  }

  /* The neuron view is as high as its right side; the left may be higher. */
  function makeRoom(picture, { left_text: words }) {
    picture.style.setProperty("--rows", `${26 * words.length + 68}px`);
  }

  async function mount(root) {
    const text = root.querySelector("script.rb-data").textContent;
    const data = JSON.parse(text);
    unpack(data);
    const [box, host] = root.querySelectorAll(".rb-box, .rb-view");
    const name = root.getAttribute("aria-label");
    const inside = host.attachShadow({ mode: "open" });
    inside.innerHTML = data.markup; // from bertviz, which puts no token there
    inside.prepend(el("style", {}, STYLE));
    inside.getElementById("bertviz").classList.add("root");
    for (const menu of inside.querySelectorAll("select"))
      menu.setAttribute("aria-label", LABELS[menu.id]);
    const picture = inside.getElementById("vis");
    const told = root.querySelector(".rb-plain").textContent;
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", told);
    draw(inside, data);
    if (data.kind === "neuron") makeRoom(picture, data.params.attention.all);
    root.classList.add("rb-live");
    picture.style.minWidth = `${WIDTHS[data.kind]}px`;
    const fit = () => {
      const room = host.clientWidth / WIDTHS[data.kind];
      picture.style.zoom = room < SMALLEST ? 1 : Math.min(1, room);
    };
    fit();
    new ResizeObserver(() => requestAnimationFrame(fit)).observe(box);
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", name);
    if (document.getElementById(root.id) !== root)
      root.id += `-${document.querySelectorAll(".rb-bertviz").length}`;
  }

  /* @mount */

  window.__reinventBertviz = { version: VERSION, mountAll };
  document.addEventListener("DOMContentLoaded", mountAll);
  mountAll();
})();

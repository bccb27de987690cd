/* The explorer of "Re-inventing BERT". Python writes a table, the numbers
   as JSON, and this script; the script turns them into a picture to point
   at. Plain ES2017, no library, no request. Text goes into the page by
   textContent alone: a token is data, never HTML. The parts @start, @dom and
   @mount stand in inline.js. */
(function () {
  "use strict";
  /* @start */

  const views = new Set(); // everything that repaints when the theme changes

  /* ---- Small helpers ---------------------------------------------------- */

  /* @dom */

  function svg(tag, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const name of Object.keys(attributes))
      node.setAttribute(name, attributes[name]);
    return node;
  }

  const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

  function percent(weight) {
    if (weight > 0 && weight < 0.005) return "<1%";
    return Math.round(100 * weight) + "%";
  }

  /* Bytes from base64, inflated by the browser where Python deflated them. */
  async function unpack(text, deflated) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    if (!deflated) return bytes;
    const inflate = new DecompressionStream("deflate");
    const stream = new Blob([bytes]).stream().pipeThrough(inflate);
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /* One Tab stop for a row of buttons; arrows, Home and End move inside. */
  function rove(bar, buttons) {
    buttons.forEach((button, i) => (button.tabIndex = i ? -1 : 0));
    bar.addEventListener("focusin", (event) => {
      if (!buttons.includes(event.target)) return;
      buttons.forEach((b) => (b.tabIndex = b === event.target ? 0 : -1));
    });
    bar.addEventListener("keydown", (event) => {
      const at = buttons.indexOf(event.target);
      const right = getComputedStyle(bar).direction === "rtl" ? -1 : 1;
      const last = buttons.length - 1;
      const moves = {
        ArrowRight: right, ArrowLeft: -right, ArrowDown: 1, ArrowUp: -1,
        Home: -at, End: last - at,
      };
      if (at < 0 || !(event.key in moves)) return;
      event.preventDefault();
      event.stopPropagation();
      const next = buttons[clamp(at + moves[event.key], 0, last)];
      if (!next.classList.contains("rb-future")) next.focus();
    });
  }

  /* ---- What is pointed at ----------------------------------------------- */

  /* A place is {side: "target" | "source", index, cell}: a token, and the
     token of the other side under the mouse, if any. What is pinned wins
     over what is hovered, and that over what has the keyboard focus. */
  class Selection {
    constructor(change) {
      this.pinned = this.hover = this.focus = null;
      this.step = null; // how far decoding has come; null: all is shown
      this.change = change;
    }

    get shown() {
      return this.pinned || this.hover || this.focus;
    }

    set(slot, place) {
      if (same(this[slot], place)) return;
      this[slot] = place;
      this.change();
    }

    toggle(place) {
      this.step = null;
      this.pinned = same(this.pinned, place) ? null : place;
      this.change();
    }

    goTo(step) {
      this.step = step;
      this.pinned = step === null ? null : { side: "target", index: step };
      this.change();
    }
  }

  function same(a, b) {
    if (!a || !b) return a === b;
    return a.side === b.side && a.index === b.index && a.cell === b.cell;
  }

  /* Mouse, touch and keys, the same for every view. `placeOf` turns an event
     into a place. A finger has no hover: it pins. */
  function listen(node, selection, placeOf) {
    node.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch")
        selection.set("hover", placeOf(event));
    });
    node.addEventListener("pointerleave", () => selection.set("hover", null));
    node.addEventListener("click", (event) => {
      const place = placeOf(event);
      if (place) selection.toggle(place);
    });
    node.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible"))
        selection.set("focus", placeOf(event));
    });
    node.addEventListener("focusout", () => selection.set("focus", null));
  }

  /* ---- Stepping --------------------------------------------------------- */

  /* Buttons back, play, on. Before the first step everything is shown. */
  class Stepper {
    constructor(selection, count, noun) {
      this.selection = selection;
      this.count = count;
      this.noun = noun;
      this.timer = null;
      this.back = el("button", { type: "button" }, "‹ Back");
      this.play = el("button", { type: "button", class: "rb-play" }, "Play");
      this.next = el("button", { type: "button" }, "Next ›");
      this.place = el("span", { class: "rb-place" });
      this.node = el(
        "div",
        { class: "rb-steps", role: "group", "aria-label": "Step by step" },
        this.back, this.play, this.next, this.place
      );
      this.back.addEventListener("click", () => this.move(-1));
      this.next.addEventListener("click", () => this.move(1));
      this.play.addEventListener("click", () => this.toggle());
      this.update();
    }

    move(by) {
      this.stop();
      this.advance(by);
    }

    advance(by) {
      const { step } = this.selection;
      const next = step === null ? (by > 0 ? 0 : this.count - 1) : step + by;
      const inside = next >= 0 && next < this.count;
      this.selection.goTo(inside ? next : null);
      return inside;
    }

    toggle() {
      if (this.timer) return this.stop();
      if (this.selection.step === this.count - 1) this.selection.goTo(null);
      this.advance(1);
      this.timer = setInterval(() => this.tick(), 1100);
      this.update();
    }

    tick() {
      const last = this.selection.step === this.count - 1;
      if (last || !this.node.isConnected) this.stop();
      else this.advance(1);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.update();
    }

    update() {
      const { step } = this.selection;
      if (step === null) {
        clearInterval(this.timer);
        this.timer = null;
      }
      this.play.textContent = this.timer ? "Pause" : "Play";
      this.place.textContent =
        step === null
          ? `${this.count} ${this.noun}s`
          : `${this.noun} ${step + 1} of ${this.count}`;
    }
  }

  /* ---- One model -------------------------------------------------------- */

  /* The numbers of one model: which map is chosen, its rows and columns. */
  class Maps {
    constructor(panel, bytes) {
      Object.assign(this, panel);
      [this.layers, this.heads, this.rows, this.columns] = panel.shape;
      this.size = this.rows * this.columns;
      this.unit = panel.scale / panel.levels;
      this.bytes = bytes;
      this.choose(0, 0);
    }

    map(layer, head) {
      const start = (layer * this.heads + head) * this.size;
      return this.bytes.subarray(start, start + this.size);
    }

    /* Head number `heads` stands for the mean of all. */
    choose(layer, head) {
      this.layer = layer;
      this.head = head;
      if (head < this.heads) {
        this.now = this.map(layer, head);
        return;
      }
      this.now = new Float32Array(this.size);
      for (let h = 0; h < this.heads; h++)
        this.map(layer, h).forEach((x, i) => (this.now[i] += x / this.heads));
    }

    at(row, column) {
      return this.now[row * this.columns + column] * this.unit;
    }

    /* The weights that a place shows: a row, or a column. */
    seen(place) {
      const out = [];
      if (place.side === "target")
        for (let s = 0; s < this.columns; s++)
          out.push(this.at(place.index, s));
      else
        for (let t = 0; t < this.rows; t++) out.push(this.at(t, place.index));
      return out;
    }

    /* Positions on the other side that a list of links names. */
    linked(links, place) {
      const [here, there] = place.side === "source" ? [0, 1] : [1, 0];
      return links
        .filter((link) => link[here] === place.index)
        .map((link) => link[there]);
    }
  }

  const other = (side) => (side === "target" ? "source" : "target");

  /* A token in words; one that occurs twice gets its position. */
  function nameOf(tokens, index) {
    const token = tokens[index];
    const plain = /^[\p{L}\p{N}]+( \d+)?$/u.test(token);
    const name = plain ? token : `\u201c${token}\u201d`;
    const alone = tokens.indexOf(token) === tokens.lastIndexOf(token);
    return isolate(name) + (alone ? "" : ` (${index + 1})`);
  }

  /* Small weights must be seen too: shade grows faster than weight. */
  const shadeOf = (weight) =>
    weight < 0.01 ? 0 : Math.pow(Math.min(1, weight), 0.6).toFixed(3);

  function number(maps, weight) {
    return maps.scale > 1 ? weight.toFixed(2) : percent(weight);
  }

  /* Right-to-left text must not turn the numbers beside it round. */
  function isolate(text) {
    const turns = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text);
    return turns ? `\u2068${text}\u2069` : text;
  }

  /* "maison looks at house 92%, red 5%, the 2%. True: house." */
  function describe(maps, words, place) {
    const mine = maps[place.side];
    const theirs = maps[other(place.side)];
    const seen = maps.seen(place);
    const order = seen.map((_, i) => i).sort((a, b) => seen[b] - seen[a]);
    const top = order.slice(0, 3).filter((i) => seen[i] > 0);
    const say = (i) => 
      `${nameOf(theirs, i)} ${number(maps, seen[i])}`;
    const verb = words.verbs[place.side === "target" ? 0 : 1];
    const list = top.length ? top.map(say).join(", ") : "nothing";
    let text = `${nameOf(mine, place.index)} ${verb} ${list}.`;
    if (place.cell !== undefined && !top.includes(place.cell))
      text += ` Here: ${say(place.cell)}.`;
    const gold = maps.linked(maps.gold, place);
    if (gold.length)
      text += ` ◆\u00a0True: ${gold.map((i) => nameOf(theirs, i)).join(", ")}.`;
    return text;
  }

  /* A row of tokens, each a button. */
  function band(tokens, side, label) {
    const buttons = tokens.map((token, index) =>
      el(
        "button",
        { type: "button", class: "rb-token", "data-side": side,
          "data-index": index, "aria-pressed": "false" },
        token
      )
    );
    const bar = el(
      "div",
      { class: "rb-tokens", role: "toolbar", dir: "auto",
        "aria-label": `${label}: arrow keys move, Enter pins` },
      ...buttons
    );
    rove(bar, buttons);
    const node = el("div", { class: "rb-band" },
      el("span", { class: "rb-side" }, label), bar);
    return { node, bar, buttons };
  }

  /* The sentence on what is seen; screen readers hear it when it changes. */
  function statusLine(hint) {
    return el("p", { class: "rb-status", role: "status",
      "aria-live": "polite", "data-hint": hint });
  }

  function speak(line, text, selection) {
    const held = selection.pinned && selection.step === null;
    const full = text + (text && held ? " Pinned: click again or Esc to let go." : "");
    if (line.textContent !== full) line.textContent = full;
  }

  function chooser(label, names, change) {
    const options = names.map((name, i) => el("option", { value: i }, name));
    const select = el("select", {}, ...options);
    select.addEventListener("change", () => change(Number(select.value)));
    const node = el("label", { class: "rb-choice" }, `${label} `, select);
    return { node, select };
  }

  function namesOf(count, words, kind) {
    const own = words[kind + "s"];
    return own || Array.from({ length: count }, (_, i) => String(i + 1));
  }

  /* 256 colours between the four that the style sheet gives the canvas. */
  function ramp(canvas) {
    const style = getComputedStyle(canvas);
    const stops = [
      [0, style.borderRightColor], [0.1, style.borderLeftColor],
      [0.5, style.borderTopColor], [1, style.color],
    ].map(([at, color]) => [at, color.match(/[\d.]+/g).map(Number)]);
    return Array.from({ length: 256 }, (_, i) => {
      const w = i / 255;
      const high = Math.max(1, stops.findIndex(([at]) => at >= w));
      const [[a, from], [b, to]] = [stops[high - 1], stops[high]];
      const mix = (w - a) / (b - a);
      return [0, 1, 2].map((c) => from[c] + mix * (to[c] - from[c]));
    });
  }

  /* One pixel per weight; the browser enlarges them without smoothing. */
  function paint(canvas, width, height, shadeAt) {
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(width, height);
    const colors = ramp(canvas);
    for (let i = 0; i < width * height; i++) {
      const shade = shadeAt(i);
      if (shade < 0) continue;
      image.data.set(colors[Math.round(255 * Math.min(1, shade))], 4 * i);
      image.data[4 * i + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
  }

  /* ---- The matrix ------------------------------------------------------- */

  class Matrix {
    constructor(maps, selection, decode) {
      Object.assign(this, { maps, selection, decode });
      this.canvas = el("canvas", { class: "rb-map" });
      this.marks = svg("svg", { class: "rb-marks" });
      this.line = el("div", { class: "rb-outline" });
      this.cover = el("div", { class: "rb-cover" });
      this.spot = el("div", { class: "rb-outline rb-spot" });
      const label = (kind) => (token) =>
        el("span", { class: kind }, el("bdi", {}, token));
      this.labels = {
        target: maps.target.map(label("rb-label rb-left")),
        source: maps.source.map(label("rb-label rb-top")),
      };
      this.box = el("div", { class: "rb-matrix", "aria-hidden": "true" },
        this.canvas, this.cover, this.marks, this.line, this.spot,
        ...this.labels.target, ...this.labels.source);
      this.node = el("div", { class: "rb-scroll" }, this.box);
      listen(this.box, selection, (event) => this.placeAt(event));
    }

    placeAt(event) {
      const box = this.canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left) / this.cell);
      const row = Math.floor((event.clientY - box.top) / this.cell);
      const { rows, columns } = this.maps;
      const { step } = this.selection;
      const inside = column >= 0 && column < columns;
      if (row >= 0 && row < rows) {
        if (this.decode && step !== null && row > step) return null;
        const place = { side: "target", index: row };
        if (inside) place.cell = column;
        return column < columns ? place : null;
      }
      return row < 0 && inside ? { side: "source", index: column } : null;
    }

    /* Cells as large as fit; names only where they can be read. */
    layout(width) {
      const { rows, columns } = this.maps;
      const many = Math.max(rows, columns) > 48;
      const size = (span) => Math.ceil(span.firstChild.offsetWidth);
      this.box.classList.toggle("rb-bare", many);
      const left = many ? 1 : Math.ceil(
        1.1 * Math.max(...this.labels.target.map(size))) + 8;
      const names = many ? [0] : this.labels.source.map(size);
      const slant = Math.SQRT1_2;
      const top = many ? 1 : Math.ceil(Math.max(...names) * slant) + 14;
      const room = (width - left - names[names.length - 1] * slant) / columns;
      const cell = clamp(Math.floor(room), many ? 4 : 15, many ? 6 : 28);
      const over = names.map((name, s) => (s + 0.8) * cell + name * slant);
      Object.assign(this, { cell, left, top });
      const place = (node, x, y, w, h) => {
        node.style.left = `${x}px`;
        node.style.top = `${y}px`;
        if (w) node.style.width = `${w}px`;
        if (h) node.style.height = `${h}px`;
      };
      this.size = [columns * cell, rows * cell];
      place(this.canvas, left, top, ...this.size);
      place(this.marks, left, top, ...this.size);
      this.box.style.width =
        `${left + Math.max(columns * cell, ...over) + 2}px`;
      this.box.style.height = `${top + rows * cell + 2}px`;
      this.canvas.style.setProperty("--cell", `${cell}px`);
      this.labels.target.forEach((span, t) =>
        place(span, 0, top + t * cell, left - 6, cell));
      this.labels.source.forEach((span, s) =>
        place(span, left + (s + 0.5) * cell, top - 5));
      this.drawMarks();
    }

    /* True links: an outline and a diamond; possible ones are dashed. */
    drawMarks() {
      const { cell, maps } = this;
      this.marks.replaceChildren();
      const draw = (kind) => ([s, t]) => {
        const [x, y, d] = [s * cell, t * cell, Math.min(4, cell / 5)];
        const frame = { x: x + 1.5, y: y + 1.5, width: cell - 3,
          height: cell - 3 };
        const corner = `M${x + cell - 2 * d - 1} ${y + d + 1}` +
          `l${d} ${-d} ${d} ${d} ${-d} ${d}z`;
        this.marks.append(
          svg("rect", { ...frame, class: `${kind} rb-halo` }),
          svg("rect", { ...frame, class: kind }),
          svg("path", { d: corner, class: kind })
        );
      };
      maps.possible.forEach(draw("rb-maybe"));
      maps.gold.forEach(draw("rb-true"));
    }

    paint() {
      const { maps } = this;
      const unit = 1 / maps.levels;
      paint(this.canvas, maps.columns, maps.rows, (i) => maps.now[i] * unit);
    }

    update(place, seen) {
      const { labels, selection } = this;
      const { step } = selection;
      const shown = this.decode && step !== null ? step + 1 : this.maps.rows;
      this.outline(place, shown);
      for (const side of ["target", "source"])
        labels[side].forEach((span, i) => {
          const here = place && place.side === side && place.index === i;
          const lit = place && place.side !== side && seen[i] >= 0.15;
          span.classList.toggle("rb-here", Boolean(here));
          span.classList.toggle("rb-lit", Boolean(lit));
          if (side === "target")
            span.classList.toggle("rb-future", i >= shown);
        });
    }

    /* A frame round the row or column; a cover over what is still to come. */
    outline(place, shown) {
      const { cell, left, top, maps } = this;
      if (!cell) return;
      const frame = (node, row, column, rows, columns) => {
        node.style.left = `${left + column * cell}px`;
        node.style.top = `${top + row * cell}px`;
        node.style.width = `${columns * cell}px`;
        node.style.height = `${rows * cell}px`;
      };
      const late = maps.rows - shown;
      this.cover.hidden = !late;
      frame(this.cover, shown, 0, late, maps.columns);
      this.marks.style.clipPath = `inset(0 0 ${late * cell}px 0)`;
      this.line.hidden = !place;
      this.spot.hidden = !place || place.cell === undefined;
      if (!place) return;
      const at = place.index;
      if (place.side === "source") frame(this.line, 0, at, shown, 1);
      else frame(this.line, at, 0, 1, maps.columns);
      frame(this.spot, at, place.cell || 0, 1, 1);
    }
  }

  /* ---- All layers and heads, small --------------------------------------- */

  class Overview {
    constructor(maps, words, choose) {
      this.maps = maps;
      this.grid = maps.heads > 1
        ? [maps.layers, maps.heads] : [1, maps.layers];
      this.canvas = el("canvas", { class: "rb-map" });
      this.frame = el("div", { class: "rb-outline" });
      this.box = el("div", { class: "rb-tiles", "aria-hidden": "true" },
        this.canvas, this.frame);
      this.canvas.addEventListener("click", (event) => {
        const [row, column] = this.tileAt(event);
        if (maps.heads > 1) choose(row, column);
        else choose(column, 0);
      });
      const axes = maps.heads > 1
        ? `rows: ${words.layer}s, columns: ${words.head}s`
        : `left to right: ${words.layer}s`;
      const count = maps.layers * maps.heads;
      this.node = el("details", { class: "rb-overview" },
        el("summary", {}, `All ${count} at a glance (${axes})`), this.box);
      this.node.open = count <= 24;
      this.node.addEventListener("toggle", () => this.paint());
    }

    tileAt(event) {
      const box = this.canvas.getBoundingClientRect();
      const [rows, columns] = this.grid;
      const part = (x, size, n) => clamp(Math.floor((x / size) * n), 0, n - 1);
      return [part(event.clientY - box.top, box.height, rows),
        part(event.clientX - box.left, box.width, columns)];
    }

    /* Where a tile has less room than tokens, one of its cells shows the
       largest weight of several: thin lines must not vanish. */
    pool(tile, high, wide) {
      const { bytes, size, rows, columns } = this.maps;
      const cells = new Uint8Array(high * wide);
      for (let i = 0; i < size; i++) {
        const y = Math.floor((Math.floor(i / columns) * high) / rows);
        const x = Math.floor(((i % columns) * wide) / columns);
        const at = y * wide + x;
        cells[at] = Math.max(cells[at], bytes[tile * size + i]);
      }
      return cells;
    }

    paint() {
      if (!this.node.open) return;
      const { maps, grid: [rows, columns] } = this;
      const [high, wide] = [maps.rows, maps.columns].map(
        (n) => Math.min(n, 40));
      const zoom = clamp(Math.floor(60 / Math.max(high, wide)), 1, 10);
      const [tall, broad] = [high * zoom + 2, wide * zoom + 2];
      const tiles = Array.from({ length: rows * columns },
        (_, tile) => this.pool(tile, high, wide));
      const width = columns * broad;
      paint(this.canvas, width, rows * tall, (i) => {
        const [x, y] = [i % width, Math.floor(i / width)];
        const column = Math.floor((x % broad - 1) / zoom);
        const row = Math.floor((y % tall - 1) / zoom);
        if (column < 0 || row < 0 || column >= wide || row >= high) return -1;
        const tile = Math.floor(y / tall) * columns + Math.floor(x / broad);
        return tiles[tile][row * wide + column] / maps.levels;
      });
      this.box.style.width = `${width}px`;
      this.mark();
    }

    mark() {
      const { maps, frame, grid: [rows, columns] } = this;
      frame.hidden = maps.head >= maps.heads;
      const [row, column] = maps.heads > 1
        ? [maps.layer, maps.head] : [0, maps.layer];
      frame.style.left = `${(100 * column) / columns}%`;
      frame.style.top = `${(100 * row) / rows}%`;
      frame.style.width = `${100 / columns}%`;
      frame.style.height = `${100 / rows}%`;
    }
  }

  /* ---- One model in full: words, sentence, matrix ------------------------ */

  class MapView {
    constructor(maps, words, selection) {
      Object.assign(this, { maps, words, selection });
      this.bands = {
        source: band(maps.source, "source", words.source),
        target: band(maps.target, "target", words.target),
      };
      this.lines = svg("svg", { class: "rb-lines", "aria-hidden": "true" });
      this.bandsBox = el("div", { class: "rb-bands" }, this.lines,
        this.bands.source.node, this.bands.target.node);
      this.status = statusLine(
        "Point at a token to see where it looks. Click or Enter pins it.");
      this.matrix = new Matrix(maps, selection, words.decode);
      this.node = el("section", { class: "rb-panel" });
      if (maps.name) this.node.append(el("p", { class: "rb-name" }, maps.name));
      this.addChoices();
      const figure = el("div", { class: "rb-figure" }, this.matrix.node);
      this.node.append(this.bandsBox, this.status, figure);
      if (maps.layers * maps.heads > 1) {
        this.overview = new Overview(maps, words, (l, h) => this.choose(l, h));
        figure.append(this.overview.node);
      }
      listen(this.bandsBox, selection, (event) => {
        const token = event.target.closest(".rb-token");
        if (!token) return null;
        const { side, index } = token.dataset;
        return { side, index: Number(index) };
      });
    }

    addChoices() {
      const { maps, words } = this;
      const row = el("div", { class: "rb-choices" });
      const add = (kind, names, change) => {
        this[kind] = chooser(words[kind], names, change);
        row.append(this[kind].node);
      };
      if (maps.layers > 1)
        add("layer", namesOf(maps.layers, words, "layer"),
          (layer) => this.choose(layer, maps.head));
      if (maps.heads > 1)
        add("head", [...namesOf(maps.heads, words, "head"), "mean"],
          (head) => this.choose(maps.layer, head));
      if (row.children.length) this.node.append(row);
    }

    choose(layer, head) {
      this.maps.choose(layer, head);
      if (this.layer) this.layer.select.value = layer;
      if (this.head) this.head.select.value = head;
      if (this.overview) this.overview.mark();
      this.matrix.paint();
      this.update();
    }

    repaint() {
      this.matrix.paint();
      if (this.overview) this.overview.paint();
    }

    layout() {
      const width = this.node.clientWidth;
      if (!width) return;
      this.matrix.layout(width);
      this.measure();
      this.update();
    }

    /* Where the lines begin and end; a band of several lines has none. */
    measure() {
      const frame = this.bandsBox.getBoundingClientRect();
      this.ends = {};
      for (const side of ["source", "target"]) {
        const boxes = this.bands[side].buttons.map(
          (b) => b.getBoundingClientRect());
        const flat = boxes.every((b) => b.top === boxes[0].top);
        const y = side === "source" ? boxes[0].bottom : boxes[0].top;
        this.ends[side] = flat && {
          y: y - frame.top,
          x: boxes.map((b) => b.left + b.width / 2 - frame.left),
        };
      }
      this.scrolls = {};
      for (const side of ["source", "target"]) {
        const { bar, buttons } = this.bands[side];
        if (bar.scrollHeight > bar.clientHeight + 1)
          this.scrolls[side] = { height: bar.clientHeight,
            tops: buttons.map((b) => b.offsetTop) };
      }
      const flat = this.ends.source && this.ends.target;
      this.bandsBox.classList.toggle("rb-flat", Boolean(flat));
    }

    /* In a long text the strongest token may be scrolled out of sight. */
    reveal(side, index) {
      const scroll = (this.scrolls || {})[side];
      if (!scroll) return;
      const { bar } = this.bands[side];
      const above = scroll.tops[index] - bar.scrollTop;
      if (above < 0 || above > scroll.height - 40)
        bar.scrollTop = scroll.tops[index] - scroll.height / 2;
    }

    update() {
      const { shown: place, step } = this.selection;
      const seen = place && this.maps.seen(place);
      this.shade(place, seen);
      if (place) {
        this.reveal(other(place.side), seen.indexOf(Math.max(...seen)));
        if (place.cell !== undefined || step !== null)
          this.reveal(place.side, place.index);
      }
      this.draw(place, seen);
      this.matrix.update(place, seen);
      const text = place ? describe(this.maps, this.words, place) : "";
      speak(this.status, text, this.selection);
    }

    shade(place, seen) {
      const { maps, selection, words } = this;
      const { pinned, step } = selection;
      const links = (kind) => (place ? maps.linked(maps[kind], place) : []);
      const [gold, possible] = [links("gold"), links("possible")];
      for (const side of ["source", "target"]) {
        const far = place && place.side !== side;
        this.bands[side].buttons.forEach((button, i) => {
          const here = Boolean(place) && !far && place.index === i;
          const weight = far ? seen[i] : 0;
          const late = side === "target" && step !== null && i > step;
          const list = button.classList;
          list.toggle("rb-here", here);
          list.toggle("rb-true", Boolean(far) && gold.includes(i));
          list.toggle("rb-maybe", Boolean(far) && possible.includes(i));
          list.toggle("rb-future", late && words.decode);
          const mark = !far ? "" : gold.includes(i) ? "◆ "
            : possible.includes(i) ? "◇ " : "";
          const shown = mark + (weight >= 0.05 ? number(maps, weight) : "");
          button.style.setProperty("--w", shadeOf(weight));
          if (button.dataset.weight !== shown) button.dataset.weight = shown;
          const held = String(here && Boolean(pinned));
          if (button.getAttribute("aria-pressed") !== held)
            button.setAttribute("aria-pressed", held);
        });
      }
    }

    draw(place, seen) {
      this.lines.replaceChildren();
      const { source, target } = this.ends || {};
      if (!place || !source || !target) return;
      seen.forEach((weight, i) => {
        if (weight < 0.05) return;
        const [s, t] =
          place.side === "target" ? [i, place.index] : [place.index, i];
        const late = this.selection.step;
        if (this.words.decode && late !== null && t > late) return;
        const middle = (source.y + target.y) / 2;
        const d = `M${source.x[s]} ${source.y}C${source.x[s]} ${middle} ` +
          `${target.x[t]} ${middle} ${target.x[t]} ${target.y}`;
        const shade = Math.min(1, weight);
        this.lines.append(svg("path", { d, "stroke-width": 1 + 5 * shade,
          "stroke-opacity": 0.3 + 0.7 * shade }));
      });
    }
  }

  /* ---- Rows and columns: memory hops, a mix of layers -------------------- */

  /* Takes the table that Python wrote and makes it answer. */
  class RowsView {
    constructor(maps, words, selection, root) {
      Object.assign(this, { maps, words, selection });
      this.facts = maps.gold;
      maps.gold = maps.possible = [];
      this.node = root.querySelector(".rb-tables");
      const table = this.node.querySelector("table");
      const heads = [...table.tHead.rows[0].cells].slice(1);
      const lines = [...table.tBodies[0].rows];
      this.cells = lines.map((line) => [...line.cells].slice(1));
      this.lines = lines.map((line) => line.cells[0]);
      this.answer = this.node.querySelector(".rb-answer");
      this.buttons = {
        target: this.enable(heads, table.tHead, words.target),
        source: this.enable(this.lines, table.tBodies[0], words.source),
      };
      this.status = statusLine(
        "Point at a row or a column. Click or Enter pins it.");
      this.node.append(this.status);
      listen(table, selection, (event) => this.placeAt(event));
    }

    enable(cells, bar, label) {
      const buttons = cells.map((cell) => {
        const word = cell.querySelector(".rb-word");
        const button = el("button", { type: "button", class: "rb-word",
          "aria-pressed": "false" }, word.textContent);
        word.replaceWith(button);
        return button;
      });
      rove(bar, buttons);
      return buttons;
    }

    placeAt(event) {
      const cell = event.target.closest("td, th");
      if (!cell) return null;
      const row = cell.parentNode.rowIndex - 1;
      const column = cell.cellIndex - 1;
      if (row < 0 && column >= 0) return { side: "target", index: column };
      if (row >= 0 && column < 0) return { side: "source", index: row };
      if (row < 0) return null;
      return { side: "target", index: column, cell: row };
    }

    layout() {}
    repaint() {}

    update() {
      const { maps, selection, words } = this;
      const { step, pinned } = selection;
      const place = selection.shown;
      const late = (column) => step !== null && column > step;
      this.cells.forEach((line, row) =>
        line.forEach((cell, column) => {
          const on = place && (place.side === "target"
            ? place.index === column : place.index === row);
          cell.classList.toggle("rb-off", Boolean(place) && !on);
          cell.classList.toggle("rb-future", late(column));
        }));
      const hop = place && place.side === "target" ? place.index : -1;
      this.lines.forEach((cell, row) =>
        cell.style.setProperty("--w",
          hop < 0 ? 0 : shadeOf(maps.at(hop, row))));
      for (const side of ["source", "target"])
        this.buttons[side].forEach((button, i) => {
          const here = place && place.side === side && place.index === i;
          button.classList.toggle("rb-here", Boolean(here));
          button.setAttribute("aria-pressed",
            String(Boolean(here && pinned)));
          if (side === "target")
            button.classList.toggle("rb-future", late(i));
        });
      if (this.answer)
        this.answer.classList.toggle("rb-future",
          step !== null && step < maps.rows - 1);
      let text = place ? describe(maps, words, place) : "";
      if (hop >= 0 && this.facts.length) {
        const read = this.facts.filter((f) => maps.at(hop, f) >= 0.5);
        text += read.length ? " ◆\u00a0A supporting fact." : "";
      }
      speak(this.status, text, selection);
    }
  }

  /* ---- Putting it on the page -------------------------------------------- */

  /* Models that share their tokens share what is pointed at. */
  function group(kind, members, words, root) {
    const parts = [];
    let stepper = null;
    const selection = new Selection(() => {
      parts.forEach((view) => view.update());
      stepper.update();
    });
    const count = members[0].rows;
    const noun = kind === "map" ? "token" : words.target;
    stepper = new Stepper(selection, count, noun);
    const node = el("div", { class: "rb-group" });
    const steps = count > 1 && (kind === "map" || words.decode);
    if (steps) node.append(stepper.node);
    const panels = el("div", { class: "rb-panels" });
    members.forEach((maps) => {
      const view = kind === "map"
        ? new MapView(maps, words, selection)
        : new RowsView(maps, words, selection, root);
      parts.push(view);
      panels.append(view.node);
    });
    node.append(panels);
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      stepper.stop();
      selection.goTo(null);
    });
    return { node, views: parts };
  }

  function legend(panels) {
    const node = el("p", { class: "rb-legend" }, "0 ",
      el("span", { class: "rb-ramp" }), ` ${panels[0].scale}`);
    const mark = (kind, text) =>
      panels.some((panel) => panel[kind].length) && node.append(text);
    mark("gold", el("span", { class: "rb-key" }, "◆ true link"));
    mark("possible", el("span", { class: "rb-key" }, "◇ possible link"));
    return node;
  }

  async function mount(root) {
    const text = root.querySelector("script.rb-data").textContent;
    const { kind, words, panels } = JSON.parse(text);
    const models = [];
    for (const panel of panels) {
      const bytes = await unpack(panel.weights, panel.deflated);
      models.push(new Maps(panel, bytes));
    }
    if (document.getElementById(root.id) !== root)
      root.id += `-${document.querySelectorAll(".rb-explorer").length}`;
    const key = (m) => JSON.stringify([m.source, m.target]);
    const shared = models.every((m) => key(m) === key(models[0]));
    const parts = shared ? [models] : models.map((m) => [m]);
    const tables = root.querySelector(".rb-tables");
    const groups = parts.map((part) => group(kind, part, words, root));
    if (kind === "map") {
      const folded = el("details", { class: "rb-fold" },
        el("summary", {}, "As a table"));
      tables.querySelectorAll(".rb-scroll").forEach((n) => (n.tabIndex = 0));
      tables.replaceWith(folded);
      folded.append(tables);
      root.querySelector(".rb-head").append(legend(panels));
      folded.before(...groups.map((g) => g.node));
    } else {
      root.append(...groups.map((g) => g.node));
    }
    root.classList.add("rb-live");
    groups.forEach((g) => g.views.forEach((view) => start(view, root)));
  }

  function start(view, root) {
    view.root = root;
    views.add(view);
    let width = -1;
    new ResizeObserver(() => {
      if (view.node.clientWidth === width) return;
      width = view.node.clientWidth;
      view.layout();
    }).observe(view.node);
    view.layout();
    view.repaint();
    view.update();
  }

  /* @mount */

  function repaintAll() {
    views.forEach((view) => {
      if (view.root.isConnected) view.repaint();
      else views.delete(view);
    });
  }

  window.__reinventExplorer = { version: VERSION, mountAll };
  const theme = new MutationObserver(repaintAll);
  [document.documentElement, document.body].forEach((node) =>
    theme.observe(node, { attributes: true }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener(
    "change", repaintAll);
  matchMedia("print").addEventListener("change", repaintAll);
  document.addEventListener("DOMContentLoaded", mountAll);
  mountAll();
})();

/* What the scripts of all pictures share. A line with the name of a part, such
   as @dom, stands for it in explorer.js and playground.js; @name@ is the name
   of the picture. */

/* @start: a page may carry the script many times; it runs once. */
  const VERSION = "@VERSION@";
  const known = window.__reinvent@Name@;
  if (known && known.version === VERSION) {
    known.mountAll();
    return;
  }

/* @dom: a new element; its text is data, never HTML. */
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null)
        node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

/* @mount: bring to life what is new on the page. */
  function mountAll() {
    const fresh = document.querySelectorAll(".rb-@name@:not([data-rb])");
    fresh.forEach((root) => {
      root.dataset.rb = VERSION;
      mount(root).catch((error) => console.error("@name@:", error));
    });
  }

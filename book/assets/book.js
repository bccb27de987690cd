// Paper is white and unfolds nothing: print a page of the night in the colours
// of the day, with what is folded on the screen.
(() => {
  const page = document.documentElement;
  let theme = page.dataset.theme;
  let folded = [];
  addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
    folded = [...document.querySelectorAll("section > details:not([open])")];
    for (const box of folded) box.open = true;
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = theme;
    for (const box of folded) box.open = false;
  });
})();

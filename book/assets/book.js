// Paper is white: print a page of the night in the colours of the day.
(() => {
  const page = document.documentElement;
  let shown = page.dataset.theme;
  addEventListener("beforeprint", () => {
    shown = page.dataset.theme;
    page.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = shown;
  });
})();

"use strict";
// Draws the charts whose specifications the page carries as data. `ast` makes Vega interpret its
// expressions instead of turning them into code, which the content security policy forbids.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  async function draw(figure) {
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const theme = dark.matches ? "dark" : "light";
    const place = figure.querySelector(".chart");
    const options = {
      ast: true,
      actions: false,
      renderer: "svg",
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true, theme },
      config: data.config[theme],
      loader: { load: () => Promise.reject(new Error("charts load nothing")) },
    };
    try {
      await window.vegaEmbed(place, data.spec, options);
      figure.classList.add("is-drawn");
    } catch (error) {
      // The picture drawn by the server stays.
      console.error(error);
    }
  }

  const figures = document.querySelectorAll("figure[data-chart]");
  const drawAll = () => figures.forEach(draw);
  drawAll();
  dark.addEventListener("change", drawAll);
})();

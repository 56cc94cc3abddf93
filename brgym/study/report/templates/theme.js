"use strict";
// What table and charts share: the colour and the mark of each policy.
document.documentElement.classList.add("with-scripts");

const THEME = (() => {
  const COLOURS = 8;
  const MARKS = [
    ["circle", "●"], ["square", "■"], ["diamond", "◆"], ["triangle-up", "▲"],
    ["cross", "✚"], ["x", "✖"], ["triangle-down", "▼"], ["star", "★"],
  ];
  const DASHES = ["solid", "dash", "dot", "dashdot"];
  const round = (place) => Math.floor(place / COLOURS);
  // From the second round of colours on, each meets another mark and another dash.
  const mark = (place) => MARKS[(place + 3 * round(place)) % MARKS.length];

  return {
    variable: (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(),
    colour: (place) => `policy-${place % COLOURS}`,
    symbol: (place) => mark(place)[0],
    sign: (place) => mark(place)[1],
    dash: (place) => DASHES[round(place) % DASHES.length],
  };
})();

for (const sign of document.querySelectorAll("[data-policy]")) {
  sign.textContent = THEME.sign(Number(sign.dataset.policy));
  sign.style.color = `var(--${THEME.colour(Number(sign.dataset.policy))})`;
}

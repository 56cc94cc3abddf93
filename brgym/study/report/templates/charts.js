"use strict";
// The charts: numbers are all in the page's data, these lines only place them.
const CHARTS = (() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const at = (id) => document.getElementById(id);
  const EVERY = "every setting";
  const ROW_PX = 22;
  const CONFIG = { responsive: true, displaylogo: false, displayModeBar: true,
                   modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] };

  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const write = (value) => (value === null ? "–" : number.format(value));
  const estimateText = ([mean, low, high]) =>
    low === null ? write(mean) : `${write(mean)} [${write(low)}, ${write(high)}]`;
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  // Long specifications break at their commas, so that a phone has room for the picture.
  const wrapped = (text) => escape(text).replace(/[:,] ?/g, (sign) => `${sign}<br>`);

  const figure = () => data.figures[at("figure").value];
  const measure = () => at("measure").value;
  const shownPolicies = () => [...at("policies").querySelectorAll("input:checked")].map((box) => Number(box.value));
  const unit = () => (measure() === "ratio" ? `ratio to ${data.reference}` : figure().unit);
  const title = () => (unit() ? `${figure().title} (${unit()})` : figure().title);

  const options = (select, texts) =>
    select.replaceChildren(...texts.map((text, place) => new Option(text, place)));

  const layout = (more) => {
    const line = { gridcolor: THEME.variable("line"), zeroline: false, automargin: true };
    const { xaxis, yaxis, ...rest } = more;
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: THEME.variable("text"), family: "system-ui, sans-serif", size: 13 },
      hoverlabel: { bgcolor: THEME.variable("raised"), bordercolor: THEME.variable("line"),
                    font: { color: THEME.variable("text") }, align: "left" },
      hovermode: "closest",
      dragmode: false,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: THEME.variable("quiet"), activecolor: THEME.variable("accent") },
      showlegend: false,
      margin: { l: 12, r: 16, t: 36, b: 12 },
      xaxis: { ...line, ...xaxis },
      yaxis: { ...line, ...yaxis },
      ...rest,
    };
  };

  const unity = (along) => {
    if (measure() !== "ratio") return [];
    const ends = along === "x" ? { x0: 0, x1: 1, xref: "paper", y0: 1, y1: 1 } : { y0: 0, y1: 1, yref: "paper", x0: 1, x1: 1 };
    return [{ type: "line", layer: "below", line: { color: THEME.variable("quiet"), width: 1, dash: "dash" }, ...ends }];
  };

  const look = (policy) => {
    const colour = THEME.variable(THEME.colour(policy));
    return { colour, marker: { color: colour, symbol: THEME.symbol(policy), size: 10 } };
  };

  // Settings at the chosen values of everything but the axis.
  const sliced = () => {
    const chosen = [...at("slices").querySelectorAll("select")];
    return data.settings.map((_, setting) => setting).filter((setting) =>
      chosen.every((select) => data.settings[setting][select.dataset.varied] === Number(select.value)));
  };

  const lines = (varied, settings) => {
    const { name, values } = data.varied[varied];
    const x = (setting) => values[data.settings[setting][varied]];
    const ordered = settings.filter((setting) => x(setting) !== null).sort((a, b) => x(a) - x(b));
    const traces = [];
    for (const policy of shownPolicies()) {
      const { colour, marker } = look(policy);
      const points = ordered.map((setting) => ({ setting, x: x(setting), estimate: figure()[measure()][setting][policy] }));
      const band = points.filter(({ estimate }) => estimate[1] !== null);
      if (band.length) traces.push({
        x: [...band.map((p) => p.x), ...band.map((p) => p.x).reverse()],
        y: [...band.map((p) => p.estimate[2]), ...band.map((p) => p.estimate[1]).reverse()],
        type: "scatter", mode: "lines", fill: "toself", line: { width: 0 }, fillcolor: `${colour}26`, hoverinfo: "skip",
      });
      traces.push({
        x: points.map((p) => p.x),
        y: points.map((p) => p.estimate[0]),
        customdata: points.map((p) => `<b>${escape(data.policies[policy])}</b><br>${escape(data.names[p.setting])}<br>${estimateText(p.estimate)} ${escape(unit())}`),
        type: "scatter", mode: "lines+markers", name: data.policies[policy], marker,
        line: { color: colour, width: 2, dash: THEME.dash(policy) }, hovertemplate: "%{customdata}<extra></extra>",
      });
    }
    const there = [...new Set(ordered.map(x))];
    const wide = there[0] > 0 && there.at(-1) >= 8 * there[0];
    const ticks = there.length <= 10 ? { tickvals: there, ticktext: there.map(String) } : {};
    return [traces, layout({
      height: 420, shapes: unity("x"),
      xaxis: { title: { text: escape(name) }, type: wide ? "log" : "linear", ...ticks },
      yaxis: { title: { text: escape(title()) } },
    })];
  };

  // A row a group, in it a dot and interval a policy, one below the other.
  const dots = (groups) => {
    const policies = shownPolicies();
    const step = 1 / (policies.length + 1);
    const traces = policies.map((policy, place) => {
      const { colour, marker } = look(policy);
      const estimates = groups.map(({ setting }) => figure()[measure()][setting][policy]);
      return {
        x: estimates.map(([mean]) => mean),
        y: groups.map((_, group) => group + (place + 1) * step - 0.5),
        error_x: { type: "data", symmetric: false, color: colour, thickness: 2, width: 4,
                   array: estimates.map(([mean, , high]) => (high === null ? 0 : high - mean)),
                   arrayminus: estimates.map(([mean, low]) => (low === null ? 0 : mean - low)) },
        customdata: groups.map(({ setting }, group) => `<b>${escape(data.policies[policy])}</b><br>${escape(data.names[setting])}<br>${estimateText(estimates[group])} ${escape(unit())}`),
        type: "scatter", mode: "markers", name: data.policies[policy], marker, hovertemplate: "%{customdata}<extra></extra>",
      };
    });
    const between = groups.slice(1).map((_, group) => (
      { type: "line", xref: "paper", x0: 0, x1: 1, y0: group + 0.5, y1: group + 0.5, line: { color: THEME.variable("line"), width: 1 } }));
    return [traces, layout({
      height: 90 + groups.length * Math.max(2.5, policies.length + 1) * ROW_PX * 0.8,
      shapes: [...unity("y"), ...between],
      xaxis: { title: { text: escape(title()) }, nticks: 5 },
      yaxis: { tickvals: groups.map((_, group) => group), ticktext: groups.map(({ text }) => wrapped(text)),
               range: [groups.length - 0.5, -0.5], gridcolor: "rgba(0,0,0,0)" },
    })];
  };

  const overview = () => {
    const axis = at("axis").value;
    const settings = sliced();
    if (axis === "" ) return dots(settings.map((setting) => ({ setting, text: data.names[setting] })));
    const varied = Number(axis);
    if (data.varied[varied].numeric) return lines(varied, settings);
    return dots(settings.map((setting) => ({ setting, text: data.varied[varied].texts[data.settings[setting][varied]] })));
  };

  const seeds = () => {
    const setting = Number(at("setting").value);
    const values = figure().values[setting];
    const base = values[data.policies.indexOf(data.reference)];
    const asked = (value, seed) => {
      if (measure() !== "ratio") return value;
      return value === null || !(base[seed] > 0) || !(value > 0) ? null : value / base[seed];
    };
    const policies = shownPolicies();
    const tallest = Math.max(0, ...policies.map((policy) => wrapped(data.policies[policy]).split("<br>").length));
    const traces = policies.flatMap((policy, row) => {
      const { colour, marker } = look(policy);
      const points = values[policy].map(asked);
      const estimate = figure()[measure()][setting][policy];
      const [mean, low, high] = estimate;
      return [{
        x: points, y: points.map(() => row + 0.15), type: "scatter", mode: "markers", name: data.policies[policy],
        marker: { ...marker, size: 9, opacity: 0.65 },
        customdata: points.map((point, seed) => `<b>${escape(data.policies[policy])}</b><br>seed ${data.seeds[seed]}<br>${write(point)} ${escape(unit())}`),
        hovertemplate: "%{customdata}<extra></extra>",
      }, {
        x: [mean], y: [row - 0.2], type: "scatter", mode: "markers", name: `${data.policies[policy]}, mean`,
        marker: { color: colour, symbol: "line-ns-open", size: 12, line: { color: colour, width: 2 } },
        error_x: { type: "data", symmetric: false, color: colour, thickness: 2, width: 4,
                   array: [high === null ? 0 : high - mean], arrayminus: [low === null ? 0 : mean - low] },
        customdata: [`<b>${escape(data.policies[policy])}</b><br>mean<br>${estimateText(estimate)} ${escape(unit())}`],
        hovertemplate: "%{customdata}<extra></extra>",
      }];
    });
    return [traces, layout({
      height: 90 + Math.max(2, policies.length) * Math.max(2.2, 0.8 * tallest) * ROW_PX,
      shapes: unity("y"),
      xaxis: { title: { text: escape(title()) }, nticks: 5 },
      yaxis: { tickvals: policies.map((_, row) => row), ticktext: policies.map((policy) => wrapped(data.policies[policy])),
               range: [policies.length - 0.5, -0.5] },
    })];
  };

  const draw = () => {
    if (!data.figures.length) return;
    Plotly.react("overview", ...overview(), CONFIG);
    Plotly.react("seeds", ...seeds(), CONFIG);
  };

  // For each other setting that is varied one choice, while one of them is the axis.
  const slice = () => {
    const axis = at("axis").value;
    at("slices").replaceChildren(...(axis === "" ? [] : data.varied.flatMap((varied, place) => {
      if (place === Number(axis)) return [];
      const select = document.createElement("select");
      select.dataset.varied = place;
      options(select, varied.texts);
      const label = document.createElement("label");
      label.append(`${varied.name} `, select);
      return [label];
    })));
  };

  const begin = () => {
    options(at("figure"), data.figures.map(({ title: said, unit: of }) => (of ? `${said} (${of})` : said)));
    options(at("setting"), data.names);
    at("axis").replaceChildren(
      ...data.varied.map(({ name }, place) => new Option(name, place)), new Option(EVERY, ""));
    const numbers = data.varied.map(({ numeric, values }) => (numeric ? values.length : 0));
    at("axis").value = Math.max(0, ...numbers) ? numbers.indexOf(Math.max(...numbers)) : "";
    data.policies.forEach((policy, place) => {
      const box = document.createElement("input");
      Object.assign(box, { type: "checkbox", value: place, checked: true });
      const sign = document.createElement("span");
      Object.assign(sign, { textContent: THEME.sign(place) });
      sign.setAttribute("aria-hidden", "true");
      sign.style.color = `var(--${THEME.colour(place)})`;
      const label = document.createElement("label");
      label.append(box, sign, policy);
      at("policies").append(label);
    });
    slice();
    at("charts").addEventListener("change", (event) => {
      if (event.target.id === "axis") slice();
      draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  };

  begin();
  return { overview, seeds }; // what is drawn now, for whoever wants to check it
})();

// Draws every [data-chart] from the JSON that the page carries beside it. Amounts come as whole fen and are only shown here.
"use strict";

(function () {
  const drawn = new Map();
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // light-dark() is not resolved in a custom property, so ask an element that uses it.
  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  function tones() {
    return {
      ink: colour("--boss-ink"), muted: colour("--boss-muted"), line: colour("--boss-line"), surface: colour("--boss-surface"),
      font: getComputedStyle(document.body).fontFamily, accent: style("--boss-accent"), bad: colour("--boss-bad"), good: colour("--boss-good"),
      palette: ["#0a6cf1", "#1fc7ad", "#b48cf5", "#f2a33c", "#e2618c", "#6b7f99"],
    };
  }

  const yuan = (fen) => (fen / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const signed = (fen) => (fen > 0 ? "+" : fen < 0 ? "−" : "") + yuan(Math.abs(fen));

  function frame(t, data) {
    return {
      animation: false, color: t.palette, textStyle: { fontFamily: t.font, color: t.ink },
      aria: { enabled: false },
      grid: { left: 8, right: 8, top: 34, bottom: 4, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow", shadowStyle: { opacity: 0.06 } },
        backgroundColor: t.surface, borderColor: t.line, textStyle: { color: t.ink, fontSize: 12 }, confine: true },
      xAxis: { type: "category", data: data.names, axisTick: { show: false }, axisLine: { lineStyle: { color: t.line } },
        axisLabel: { color: t.muted, fontSize: 11.5, interval: 0, hideOverlap: true } },
    };
  }

  // Usage bars of a year with the bill as a line on the right axis.
  function usage(data, t) {
    const axis = (format) => ({ type: "value", axisLabel: { color: t.muted, fontSize: 11.5, formatter: format },
      splitLine: { lineStyle: { color: t.line } }, splitNumber: 4 });
    return {
      ...frame(t, data),
      legend: { left: 4, top: 0, itemWidth: 10, itemHeight: 10, itemGap: 16, icon: "roundRect", textStyle: { color: t.muted, fontSize: 12 } },
      yAxis: [axis(`{value} ${data.unit}`), { ...axis((v) => `¥${yuan(v)}`), splitLine: { show: false } }],
      series: [
        ...data.bars.map((bar) => ({ name: bar.name, type: "bar", stack: "use", barMaxWidth: 20, data: bar.values,
          tooltip: { valueFormatter: (v) => `${v} ${data.unit}` } })),
        { name: data.line.name, type: "line", yAxisIndex: 1, smooth: 0.3, symbol: "circle", symbolSize: 7, data: data.line.values,
          lineStyle: { width: 2, color: "#f2792b" }, connectNulls: true, itemStyle: { color: "#f2792b" },
          tooltip: { valueFormatter: (v) => (v === null || v === undefined ? "-" : `¥${yuan(v)}`) } },
      ],
    };
  }

  // Steps from one amount to another; first and last stand on the axis, the others hang between.
  function waterfall(data, t) {
    const floors = [], heights = [];
    let level = 0;
    data.steps.forEach((step) => {
      const whole = step.kind === "total";
      const next = whole ? step.fen : level + step.fen;
      floors.push(whole ? 0 : Math.min(level, next));
      heights.push({
        value: whole ? step.fen : Math.abs(step.fen),
        label: { formatter: whole ? yuan(step.fen) : signed(step.fen) },
        itemStyle: { color: whole ? (step.last ? t.accent : "#9db2d6") : step.fen > 0 ? "#ef5350" : "#21a871", borderRadius: 3 },
      });
      level = next;
    });
    return {
      ...frame(t, { names: data.steps.map((s) => s.name) }),
      tooltip: { show: false },
      grid: { left: 8, right: 8, top: 26, bottom: 4, containLabel: true },
      yAxis: { type: "value", min: 0, show: false },
      xAxis: { ...frame(t, { names: data.steps.map((s) => s.name) }).xAxis,
        axisLabel: { color: t.muted, fontSize: 11.5, interval: 0, width: 84, overflow: "break" } },
      series: [
        { type: "bar", stack: "w", silent: true, itemStyle: { color: "transparent" }, data: floors, barMaxWidth: 46 },
        { type: "bar", stack: "w", data: heights, barMaxWidth: 46,
          label: { show: true, position: "top", color: t.ink, fontSize: 12 } },
      ],
    };
  }

  function bars(data, t) {
    return {
      ...frame(t, data),
      legend: data.bars.length > 1 ? { left: 4, top: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: { color: t.muted } } : undefined,
      grid: { left: 8, right: 8, top: data.bars.length > 1 ? 34 : 12, bottom: 4, containLabel: true },
      yAxis: { type: "value", axisLabel: { color: t.muted, fontSize: 11.5 }, splitLine: { lineStyle: { color: t.line } }, splitNumber: 4 },
      series: data.bars.map((bar) => ({ name: bar.name, type: "bar", stack: data.unstacked ? undefined : "all", barMaxWidth: 26, data: bar.values })),
    };
  }

  const KINDS = { usage, waterfall, bars };

  function draw(node) {
    const data = JSON.parse(document.getElementById(node.dataset.source).textContent);
    drawn.get(node)?.dispose();
    const chart = window.echarts.init(node, null, { renderer: "svg" });
    chart.setOption(KINDS[node.dataset.chart](data, tones()));
    drawn.set(node, chart);
  }

  function drawAll() {
    for (const [node, chart] of drawn) if (!node.isConnected) { chart.dispose(); drawn.delete(node); }
    document.querySelectorAll("[data-chart]:not([hidden])").forEach(draw);
  }

  drawAll();
  document.addEventListener("boss:theme", drawAll);
  document.addEventListener("htmx:afterSwap", drawAll);
  window.addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
})();

// The charts of report.html: bars of each load, and three kinds of line charts. The page's tables
// hold the same figures; this file draws, toggles and reads out.
"use strict";
(() => {
    const parts = JSON.parse(document.getElementById("model").textContent).parts;
    const DASHES = [null, "7 4", "2 3", "10 3 2 3", "14 4", "5 2 1 2 1 2"];
    const SYMBOLS = [d3.symbolCircle, d3.symbolSquare, d3.symbolTriangle, d3.symbolDiamond,
                     d3.symbolCross, d3.symbolStar];
    const HINT = "Point at the chart, or focus it and press \u2190 or \u2192, to read values.";
    const NS = [[1e9, " s"], [1e6, " ms"], [1e3, " \u00b5s"], [1, " ns"]];
    const SI = [[1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]];

    // ---- texts

    const whole = d3.format(",.0f");
    const three = (value) => value >= 100 ? whole(value) : value.toPrecision(3);
    const digits = (value) => value >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
    const unit = (units, number) => (value) => {
        const [size, name] = units.find(([least]) => value >= least) || units[units.length - 1];
        return number(value / size) + name;
    };
    const tick = unit(SI, digits), figure = unit(SI, three);
    const time = unit(NS, digits);
    const percentile = (x) =>
        Number((100 - 100 * Math.pow(10, -x)).toFixed(Math.ceil(x) + 1)) + " %";

    // ---- what all charts share

    const symbol = (one, size) => d3.symbol().type(SYMBOLS[one.marker]).size(size)();

    function canvas(plot, height, label) {
        const width = Math.max(200, plot.clientWidth);
        const svg = d3.select(plot).html("").append("svg").attr("viewBox", [0, 0, width, height])
            .attr("width", width).attr("height", height).attr("role", "img")
            .attr("aria-label", label);
        return [svg, width];
    }

    function text(parent, x, y, content, anchor, soft) {
        return parent.append("text").attr("x", x).attr("y", y)
            .attr("text-anchor", anchor || "start").classed("soft", Boolean(soft)).text(content);
    }

    // Cuts a text that is wider than there is room for; the whole is told when pointed at.
    function fit(label, room) {
        const whole = label.text(), long = () => label.node().getComputedTextLength() > room;
        if (!long())
            return;
        const cut = (length) => label.text(whole.slice(0, length).trimEnd() + "\u2026");
        let most = whole.length, least = 1;
        while (most - least > 1) {
            const middle = (most + least) >> 1;
            cut(middle);
            [least, most] = long() ? [least, middle] : [middle, most];
        }
        cut(least);
        label.append("title").text(whole);
    }

    // Of labels in a row, takes away those that would run into the one before or into the last.
    function thin(labels) {
        const boxes = labels.nodes().map((label) => [label, label.getBoundingClientRect()]);
        const last = boxes.length ? boxes[boxes.length - 1][1] : null;
        let end = -Infinity;
        for (const [label, box] of boxes)
            if (box !== last && (box.left < end + 5 || box.right > last.left - 5))
                label.remove();
            else
                end = box.right;
    }

    function empty(plot, why) {
        d3.select(plot).html("").append("p").attr("class", "hint").text(why);
    }

    // ---- bars

    function bars(part, shown, plot, rows) {
        const name = plot.dataset.metric;
        const some = rows.filter((row) => shown.has(row.series))
            .map((row) => [part.series[row.series], name === "rate" ? row.rate : row.cpu[name]])
            .filter(([, value]) => value);
        if (!some.length)
            return empty(plot, "Nothing is chosen.");
        const step = 40, top = 26, bottom = top + some.length * step + 2;
        const [svg, width] = canvas(plot, bottom + 20, plot.dataset.title);
        const most = d3.max(some, ([, value]) => value.high || value.median) || 1;
        const x = d3.scaleLinear([0, most], [0, width - 6]).nice(4);
        text(svg, 0, 13, plot.dataset.title, "start", true);
        const ticks = svg.selectAll("g.tick").data(x.ticks(width > 330 ? 5 : 3)).enter().append("g")
            .attr("class", "tick").attr("transform", (value) => `translate(${x(value)},0)`);
        ticks.append("line").attr("class", "grid").attr("y1", top).attr("y2", bottom);
        thin(ticks.append("text").attr("class", "soft").attr("y", bottom + 15)
            .attr("text-anchor", (value) => value === 0 ? "start"
                : x(value) > width - 24 ? "end" : "middle")
            .text(tick));
        some.forEach(([one, value], i) => {
            const y = top + i * step, middle = y + 28;
            const line = svg.append("g").attr("class", "c" + one.colour);
            const label = text(line, 0, y + 15, one.label);
            const within = value.low === null ? ""
                : ` (${figure(value.low)} to ${figure(value.high)})`;
            const told = text(line, width, y + 15, figure(value.median), "end");
            told.append("tspan").attr("class", "soft").text(within);
            fit(label, width - told.node().getComputedTextLength() - 12);
            line.append("line").attr("class", "axis").attr("y1", y + 18)
                .attr("y2", y + step - 1);
            line.append("rect").attr("class", "bar").attr("x", 0).attr("y", y + 21)
                .attr("width", Math.max(1, x(value.median))).attr("height", 14).attr("rx", 1.5);
            if (value.low !== null)
                whisker(line, x(value.low), x(value.high), middle);
        });
    }

    function whisker(parent, low, high, y) {
        const path = `M${low},${y - 4}v8M${low},${y}H${high}M${high},${y - 4}v8`;
        parent.append("path").attr("class", "halo").attr("d", path);
        parent.append("path").attr("class", "whisker").attr("d", path);
    }

    // ---- lines

    // spec: lines [{series, points: [{x, y, low, high}], thin}], x {scale, ticks, format, title},
    // y {log, format, title}, marks (whether points are marked)
    function lines(part, figure, spec) {
        const plot = figure.querySelector(".plot"), readout = figure.querySelector(".readout");
        const drawn = spec.lines.filter((line) => line.points.length);
        readout.textContent = "";
        if (!drawn.length)
            return empty(plot, spec.lines.length ? "Nothing is chosen." : spec.none);
        const height = 330, top = 30, bottom = height - 44, right = 14;
        const [svg, width] = canvas(plot, height, `${spec.y.title} by ${spec.x.title}`);
        const y = ordinate(spec.y, drawn).range([bottom, top]);
        const heights = spec.y.log ? logTicks(y) : y.ticks(5);
        const left = gutter(svg, heights.map(spec.y.format));
        const x = spec.x.scale.range([left + 12, width - right]);
        text(svg, 0, 13, spec.y.title, "start", true);
        text(svg, (left + width - right) / 2, height - 4, spec.x.title, "middle", true);
        for (const value of heights) {
            svg.append("line").attr("class", "grid").attr("x1", left).attr("x2", width - right)
                .attr("y1", y(value)).attr("y2", y(value));
            text(svg, left - 6, y(value) + 4, spec.y.format(value), "end", true);
        }
        abscissa(svg, spec.x, x, bottom, width);
        svg.append("line").attr("class", "axis").attr("x1", left).attr("x2", width - right)
            .attr("y1", bottom).attr("y2", bottom);
        drawn.forEach((line, i) => {
            // Beside one another, so that intervals do not hide one another.
            const step = spec.intervals ? Math.min(3.5, 14 / drawn.length) : 0;
            const aside = step * (i - (drawn.length - 1) / 2);
            const group = svg.append("g").attr("class", "c" + part.series[line.series].colour)
                .attr("transform", `translate(${aside},0)`);
            oneLine(group, part.series[line.series], line, spec, x, y);
        });
        reader(svg, part, drawn, spec, x, [top, bottom], readout);
    }

    function ordinate(spec, drawn) {
        const values = drawn.flatMap((line) => line.points.flatMap(
            (point) => [point.y, point.low ?? point.y, point.high ?? point.y]));
        if (!spec.log)
            return d3.scaleLinear().domain([0, d3.max(values) || 1]).nice(5);
        return d3.scaleLog().domain([Math.max(1, d3.min(values) * 0.9), d3.max(values) * 1.1]);
    }

    // Powers of ten; where there are few, their doubles and fives too.
    function logTicks(y) {
        const [low, high] = y.domain(), steps = high / low > 300 ? [1] : high / low > 4 ? [1, 2, 5]
            : [1, 1.5, 2, 3, 4, 5, 6, 8];
        return d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1)
            .flatMap((power) => steps.map((step) => step * Math.pow(10, power)))
            .filter((value) => value >= low && value <= high);
    }

    // How wide the labels of the vertical axis are.
    function gutter(svg, labels) {
        const trial = text(svg, 0, 0, "");
        const widest = d3.max(labels, (label) => trial.text(label).node().getComputedTextLength());
        trial.remove();
        return Math.ceil(widest || 0) + 8;
    }

    function abscissa(svg, spec, x, bottom, width) {
        const ticks = svg.selectAll("g.x").data(spec.ticks || x.ticks(width > 420 ? 8 : 4)).enter()
            .append("g").attr("class", "x")
            .attr("transform", (value) => `translate(${x(value)},0)`);
        ticks.append("line").attr("class", "axis").attr("y1", bottom).attr("y2", bottom + 4);
        thin(ticks.append("text").attr("class", "soft").attr("y", bottom + 18)
            .attr("text-anchor", (value) => x(value) > width - 30 ? "end" : "middle")
            .text(spec.format));
    }

    function oneLine(group, one, line, spec, x, y) {
        group.append("path").attr("class", "series").classed("thin", line.thin)
            .attr("stroke-dasharray", DASHES[one.dash])
            .attr("d", d3.line().x((point) => x(point.x)).y((point) => y(point.y))(line.points));
        for (const point of line.points.filter((each) => spec.intervals && each.low !== null))
            group.append("line").attr("class", "interval").attr("x1", x(point.x))
                .attr("x2", x(point.x)).attr("y1", y(point.low)).attr("y2", y(point.high));
        group.selectAll("path.mark").data(line.points.filter(spec.marked)).enter().append("path")
            .attr("class", "mark").attr("d", symbol(one, 70))
            .attr("transform", (point) => `translate(${x(point.x)},${y(point.y)})`);
    }

    const nearest = (points, x) => points.reduce(
        (best, point) => Math.abs(point.x - x) < Math.abs(best.x - x) ? point : best);

    const ascending = (values) => [...new Set(values)].sort(d3.ascending);

    // A line across the chart that is moved by pointer or arrow keys, and the values at it.
    function reader(svg, part, drawn, spec, x, [top, bottom], readout) {
        const stops = ascending(drawn.flatMap((line) => line.points.map((point) => point.x)));
        const cross = svg.append("line").attr("class", "cross").attr("y1", top).attr("y2", bottom)
            .attr("visibility", "hidden");
        let at = -1;
        function show(index) {
            at = Math.max(0, Math.min(stops.length - 1, index));
            const stop = stops[at];
            cross.attr("x1", x(stop)).attr("x2", x(stop)).attr("visibility", null);
            const box = d3.select(readout).html("");
            box.append("span").attr("class", "key").text(spec.x.read(stop) + ":");
            for (const series of new Set(drawn.map((line) => line.series))) {
                const points = drawn.filter((line) => line.series === series)
                    .flatMap((line) => line.points);
                const one = part.series[series], item = box.append("span");
                item.append("i").attr("class", "c" + one.colour);
                item.append("span").text(`${one.label} ${spec.y.format(nearest(points, stop).y)}`);
            }
        }
        function point(event) {
            const box = svg.node().getBoundingClientRect();
            const px = (event.clientX - box.left) * (svg.attr("width") / box.width);
            const distances = stops.map((stop) => Math.abs(x(stop) - px));
            show(distances.indexOf(Math.min(...distances)));
        }
        const step = {ArrowLeft: -1, ArrowRight: 1};
        svg.attr("tabindex", 0);
        svg.node().addEventListener("pointermove", point);
        svg.node().addEventListener("pointerdown", point);
        svg.node().addEventListener("keydown", (event) => {
            if (!(event.key in step))
                return;
            event.preventDefault();
            show(at < 0 ? 0 : at + step[event.key]);
        });
        readout.textContent = HINT;
    }

    // ---- the charts

    function chosenLoad(part, figure) {
        const select = figure.querySelector("select");
        return part.loads[select ? Number(select.value) : 0];
    }

    const charts = {
        bars(part, shown, figure) {
            for (const box of figure.querySelectorAll("[data-load]"))
                for (const plot of box.querySelectorAll(".plot"))
                    bars(part, shown, plot, part.loads[Number(box.dataset.load)].rows);
        },

        latency(part, shown, figure) {
            const rows = chosenLoad(part, figure).rows.filter((row) => row.latency);
            const last = d3.max(rows, (row) => d3.max(row.latency.curve, ([x]) => x)) || 1;
            const ticks = [Math.log10(2), 1, 2, 3, 4, 5, 6, 7].filter((x) => x <= last);
            const open = rows.some((row) => row.latency.kind === "response");
            lines(part, figure, {
                lines: rows.map((row) => ({series: row.series, points: shown.has(row.series)
                    ? row.latency.curve.map(([x, y]) => ({x, y})) : []})),
                x: {scale: d3.scaleLinear().domain([0, last]), ticks, format: percentile,
                    title: "percentile of requests", read: percentile},
                y: {log: true, format: time,
                    title: `${open ? "response" : "service"} time (logarithmic)`},
                marked: (point) => ticks.some((x) => Math.abs(x - point.x) < 0.002),
                none: "No latencies were recorded.",
            });
        },

        time(part, shown, figure) {
            const rows = chosenLoad(part, figure).rows.filter((row) => row.over_time);
            const inside = rows.length && rows.every((row) => row.over_time.over === "window");
            figure.querySelector(".over").textContent = inside
                ? "Each round's intervals, from the beginning of its window."
                : "Each run's intervals, from the beginning of the session: what moves together "
                    + "was the machine.";
            const made = rows.flatMap((row) => row.over_time.lines.map((points) => ({
                series: row.series, thin: true,
                points: shown.has(row.series) ? points.map(([x, y]) => ({x, y})) : []})));
            const last = d3.max(made, (line) => d3.max(line.points, (point) => point.x)) || 1;
            lines(part, figure, {
                lines: made,
                x: {scale: d3.scaleLinear().domain([0, last]), format: (s) => digits(s) + " s",
                    title: inside ? "time in the window" : "time in the session",
                    read: (s) => digits(s) + " s"},
                y: {format: tick, title: part.unit},
                // Many rounds lie over one another: there a mark at their end is enough.
                marked: (point, i, all) => !inside || i === all.length - 1,
                none: "No intervals were recorded.",
            });
        },

        scaling(part, shown, figure) {
            const scaling = part.scalings[Number(figure.dataset.scaling)];
            const values = ascending(scaling.lines.flatMap((line) => line.points.map(([x]) => x)));
            const point = ([x, rate]) => ({x, y: rate.median, low: rate.low, high: rate.high});
            lines(part, figure, {
                lines: scaling.lines.map((line) => ({series: line.series,
                    points: shown.has(line.series) ? line.points.map(point) : []})),
                x: {scale: d3.scaleLog().domain(d3.extent(values)), ticks: values,
                    format: d3.format(",d"), title: scaling.title + " (logarithmic)",
                    read: (x) => `${d3.format(",d")(x)} ${scaling.title}`},
                y: {format: tick, title: part.unit},
                marked: () => true, intervals: true, none: "Nothing was measured.",
            });
        },
    };

    // ---- the page

    function start(section) {
        const part = parts[Number(section.dataset.part)];
        const shown = new Set(part.series.keys());
        const figures = [...section.querySelectorAll("figure[data-chart]")];
        const draw = (figure) => charts[figure.dataset.chart](part, shown, figure);
        const buttons = [...section.querySelectorAll(".legend button")];
        for (const button of buttons) {
            const number = Number(button.dataset.series), one = part.series[number];
            const swatch = d3.select(button).select("svg");
            swatch.append("line").attr("class", "series").attr("x1", 0).attr("x2", 34).attr("y1", 7)
                .attr("y2", 7).attr("stroke-dasharray", DASHES[one.dash]);
            swatch.append("path").attr("class", "mark").attr("d", symbol(one, 60))
                .attr("transform", "translate(17,7)");
            button.addEventListener("click", () => {
                if (!shown.delete(number))
                    shown.add(number);
                for (const each of buttons)
                    each.setAttribute("aria-pressed", shown.has(Number(each.dataset.series)));
                figures.forEach(draw);
            });
        }
        for (const figure of figures) {
            draw(figure);
            const select = figure.querySelector("select");
            if (select)
                select.addEventListener("change", () => draw(figure));
        }
        let width = section.clientWidth;
        window.addEventListener("resize", () => {
            if (section.clientWidth !== width)
                figures.forEach(draw);
            width = section.clientWidth;
        });
    }

    document.querySelectorAll(".part").forEach(start);
})();

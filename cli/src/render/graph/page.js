"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const search = at("search"), found = at("found"), count = at("count"), answer = at("answer");
  const SHOWN = 300, OPEN = 12;

  // For each end, the rows in which it is the destination, and those in which it is a source.
  const index = (rows) => {
    const into = data.ends.map(() => []), from = data.ends.map(() => []);
    for (const [dst, conn, why, sources] of rows) {
      into[dst].push({ conn, why, ends: sources });
      for (const source of sources) from[source].push({ conn, why, end: dst });
    }
    return { into, from };
  };
  const certain = index(data.rows), doubtful = index(data.ambiguous);

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const link = (end) => make("a", data.ends[end], { href: "#" + encodeURIComponent(data.ends[end]) });

  // Ends that share connections and policies stand in one row.
  const grouped = (edges) => {
    const groups = new Map();
    for (const { conn, why, end } of edges) {
      const key = conn + " " + why;
      if (!groups.has(key)) groups.set(key, { conn, why, ends: [] });
      groups.get(key).ends.push(end);
    }
    return [...groups.values()];
  };

  const list = (ends) => {
    const items = make("ul");
    for (const end of [...ends].sort((a, b) => a - b)) {
      const item = make("li");
      item.append(link(end));
      items.append(item);
    }
    if (ends.length <= OPEN) return items;
    const details = make("details");
    details.append(make("summary", ends.length + " ends"), items);
    return details;
  };

  const reasons = (why) => {
    const policies = data.whys[why];
    if (policies.length === 0) return make("span", "no policy isolates either end");
    const items = make("ul");
    for (const policy of policies) items.append(make("li", data.policies[policy]));
    return items;
  };

  const table = (title, head, groups, id, empty) => {
    const section = make("section", undefined, { id, "aria-labelledby": id + "-title" });
    section.append(make("h3", title, { id: id + "-title" }));
    if (groups.length === 0) {
      section.append(make("p", empty));
      return section;
    }
    const body = make("table"), row = make("tr");
    for (const word of [head, "Connections", "Allowed by"]) row.append(make("th", word, { scope: "col" }));
    body.append(row);
    for (const { conn, why, ends } of groups) {
      const line = make("tr"), cells = [make("td"), make("td", data.conns[conn]), make("td")];
      cells[0].append(list(ends));
      cells[2].append(reasons(why));
      line.append(...cells);
      body.append(line);
    }
    section.append(body);
    return section;
  };

  const total = (groups) => new Set(groups.flatMap((group) => group.ends)).size;

  let chosen = -1;
  const show = (end) => {
    chosen = end;
    answer.replaceChildren();
    const into = certain.into[end], from = grouped(certain.from[end]);
    document.title = data.ends[end] + " – who reaches whom";
    answer.append(make("h2", data.ends[end]));
    for (const [dst, conn, why] of data.internet.filter(([dst]) => dst === end)) {
      const by = data.whys[why].map((lead) => data.policies[lead]).join(", ");
      answer.append(make("p", "Callers from outside are led here on " + data.conns[conn] + " by " + by + ".", { class: "internet" }));
    }
    answer.append(
      table("Reached by " + total(into), "Source", into, "into", "Nobody reaches it."),
      table("Reaches " + total(from), "Destination", from, "from", "It reaches nobody."),
    );
    const perhaps = [doubtful.into[end], grouped(doubtful.from[end])];
    if (perhaps.some((groups) => groups.length > 0)) {
      const box = make("div", undefined, { class: "doubt" });
      box.append(
        make("p", "Of these it is not defined whether they are allowed."),
        table("Perhaps reached by", "Source", perhaps[0], "into-doubt", "Nobody."),
        table("Perhaps reaches", "Destination", perhaps[1], "from-doubt", "Nobody."),
      );
      answer.append(box);
    }
    if (data.unknown.length > 0) {
      const box = make("div", undefined, { class: "doubt" }), items = make("ul");
      for (const object of data.unknown) items.append(make("li", object));
      box.append(make("p", "Connections that these may change are left out, since they are not evaluated:"), items);
      answer.append(box);
    }
  };

  let matches = [], active = 0;
  const mark = (next) => {
    const options = found.children;
    if (options.length === 0) return search.removeAttribute("aria-activedescendant");
    if (options[active]) options[active].setAttribute("aria-selected", "false");
    active = Math.max(0, Math.min(next, options.length - 1));
    options[active].setAttribute("aria-selected", "true");
    search.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  };
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    matches = data.ends.map((_, end) => end)
      .filter((end) => words.every((word) => data.ends[end].toLowerCase().includes(word)));
    found.replaceChildren();
    for (const end of matches.slice(0, SHOWN)) {
      const option = make("li", data.ends[end], { role: "option", id: "end-" + end, "aria-selected": "false" });
      if (end === chosen) option.className = "chosen";
      option.addEventListener("click", () => choose(end));
      found.append(option);
    }
    count.textContent = matches.length > SHOWN
      ? "the first " + SHOWN + " of " + matches.length
      : matches.length + " of " + data.ends.length;
    active = 0;
    mark(0);
  };
  const choose = (end) => {
    const hash = "#" + encodeURIComponent(data.ends[end]);
    if (location.hash === hash) follow(); else location.hash = hash;
  };
  const follow = () => {
    let name = "";
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const end = data.ends.indexOf(name);
    if (end < 0) return;
    show(end);
    for (const option of found.children) option.className = option.id === "end-" + end ? "chosen" : "";
    answer.scrollTop = 0;
  };

  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    const keys = {
      ArrowDown: () => mark(active + 1),
      ArrowUp: () => mark(active - 1),
      Enter: () => { if (matches.length > 0) { choose(matches[active]); answer.focus(); } },
      Escape: () => { search.value = ""; find(); },
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); search.select(); }
  });
  addEventListener("hashchange", follow);
  find();
  follow();
})();

// Elements of the page. Text is always set as text, never as HTML.

/** An element with attributes (`onclick` and the like are listeners) and children; those that are null are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

/** A region that scrolls by itself, reached by keyboard. */
export const scrolling = (label, child) =>
  element("div", { class: "scrolling", role: "group", "aria-label": label, tabindex: 0 }, child);

export const code = (label, text) => scrolling(label, element("pre", {}, element("code", {}, text)));

let count = 0;

/** A label above a control, and what it means below it. */
export function labelled(label, control, about) {
  control.id = `field-${++count}`;
  const described = about && element("p", { class: "about", id: `${control.id}-about` }, about);
  if (described) control.setAttribute("aria-describedby", described.id);
  return element("div", { class: "field" }, element("label", { for: control.id }, label), control, described);
}

/** A choice of one of some names, by radio buttons. */
export function choice(legend, names, onchange) {
  const group = `choice-${++count}`;
  const buttons = names.map((name, index) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: group, value: name, checked: index === 0, onchange: () => onchange(name) }),
      ` ${name}`,
    ),
  );
  return element("fieldset", { class: "choice" }, element("legend", {}, legend), buttons);
}

/** A number between 0 and 1 as the length of a bar, for the eye alone: the number stands beside it. */
export function bar(share) {
  const filled = element("span", { class: "filled" });
  filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return element("span", { class: "bar", "aria-hidden": "true" }, filled);
}

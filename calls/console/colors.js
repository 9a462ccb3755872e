// The colours of participants. The style sheet names the first ones; further hues lie between them.

const NAMED_COLORS = 6;
/** Hues between those of the named colours, in degrees of OKLCH. */
const HUES = [20, 85, 150, 218, 272, 325];
const HUE_STEP = 21;

/** Give an element the colour of the participant with this index. */
export function setColor(node, index) {
  if (index < NAMED_COLORS) {
    node.dataset.color = index;
    return;
  }
  const further = index - NAMED_COLORS;
  const round = Math.floor(further / HUES.length);
  node.dataset.color = "further";
  node.style.setProperty("--hue", String((HUES[further % HUES.length] + round * HUE_STEP) % 360));
  node.style.setProperty("--chroma", round % 2 ? "0.07" : "0.15");
}

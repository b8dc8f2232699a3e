/** @file The charts' colours, read from the page's style sheet so that both themes have theirs. */

export interface ChartColours {
  raw: string;
  smoothed: string;
  validation: string;
  /** What the bare model, and words before the text, reach alone. */
  bare: string;
  words: string;
  grid: string;
  text: string;
  /** Behind the chart. */
  panel: string;
  font: string;
  family: string;
}

/** `dark` is asked for only so that a caller remembers to draw anew when it changes. */
export function chartColours(element: Element, dark: boolean): ChartColours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim() || (dark ? '#ddd' : '#333');
  const family = style.fontFamily;
  return {
    raw: colour('--chart-raw'),
    smoothed: colour('--chart-smoothed'),
    validation: colour('--chart-validation'),
    bare: colour('--bare'),
    words: colour('--words'),
    grid: colour('--chart-grid'),
    text: colour('--chart-text'),
    panel: colour('--chart-panel'),
    font: `11px ${family}`,
    family,
  };
}

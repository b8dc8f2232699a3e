/**
 * @file Leaves out of the built styles what no script of the page can name: the component library's styles hold every
 * component, utility and breakpoint there is, and the page uses a tenth of them.
 */
import postcss from 'postcss';

/** A class of the component library in a selector; `\:` and `\.` are how CSS writes `sm:` and `0.5` in a name. */
const LIBRARY_CLASS = /\.((?:[\w-]|\\.)*rt-(?:[\w-]|\\.)+)/g;

/**
 * A class of the library is kept where a script has it, or has what it begins with (`rt-r-size` for `rt-r-size-2`: the
 * library puts such names together from a prefix and a property's value). Those for other widths of the screen
 * (`sm:rt-r-size-2`) come from properties given by breakpoint, which the page's own styles do instead.
 *
 * @returns {import('vite').Plugin}
 */
export function leanStyles() {
  return {
    name: 'lean-styles',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const files = Object.values(bundle);
      const scripts = files.flatMap((file) => (file.type === 'chunk' ? [file.code] : []));
      const named = new Set(scripts.flatMap((code) => code.match(/rt-[\w-]+/g) ?? []));
      for (const file of files) {
        if (file.type !== 'asset' || !file.fileName.endsWith('.css')) continue;
        const styles = typeof file.source === 'string' ? file.source : new TextDecoder().decode(file.source);
        file.source = leanCss(styles, named);
      }
    },
  };
}

/**
 * @param {string} styles
 * @param {ReadonlySet<string>} named what scripts hold of the library's class names
 */
export function leanCss(styles, named) {
  const root = postcss.parse(styles);
  root.walkRules((rule) => {
    if (rule.parent?.type === 'atrule' && /keyframes$/.test(/** @type {any} */ (rule.parent).name)) return;
    const kept = rule.selectors.filter((selector) => canMatch(selector, named));
    if (kept.length === 0) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
  root.walkAtRules((atRule) => {
    if (atRule.nodes?.length === 0) atRule.remove();
  });
  return root.toString();
}

/**
 * Whether every class of the library that a selector asks for can occur. What stands in `:not(…)` need not.
 *
 * @param {string} selector
 * @param {ReadonlySet<string>} named
 */
function canMatch(selector, named) {
  const asked = selector.replace(/:(?:not|where|is|has)\((?:[^()]|\([^()]*\))*\)/g, '');
  return [...asked.matchAll(LIBRARY_CLASS)].every(([, name]) => canBeMade(name, named));
}

/**
 * @param {string} name
 * @param {ReadonlySet<string>} named
 */
function canBeMade(name, named) {
  if (name.includes('\\:')) return false;
  for (let end = name.length; end > 0; end = name.lastIndexOf('-', end - 1)) {
    if (named.has(name.slice(0, end))) return true;
  }
  return false;
}

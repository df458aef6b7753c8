// What every page must keep to: no finding of axe-core, named controls, one heading, labels, no sideways scrolling, visible focus.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './driver.mjs';
import { equal } from './report.mjs';

let axe_source;

/** Everything that holds on every page, each a line of the report; `shots`: a folder for a picture. */
export async function inspect_page(page, name, shots) {
  equal(`${name}: accessibility`, await accessibility_faults(page), []);
  equal(`${name}: axe`, await axe_findings(page), []);
  equal(`${name}: contrast`, await contrast_faults(page), []);
  equal(`${name}: no sideways scrolling`, await sideways_scroll(page), 0);
  equal(`${name}: no broken word in navigation and buttons`, await broken_words(page), []);
  if (shots) await page.screenshot({ path: join(shots, `${name.replaceAll(' ', '_')}.png`), fullPage: true });
}

/** What axe-core finds, serious or not, as sentences. It runs outside the page's Content-Security-Policy. */
export async function axe_findings(page) {
  axe_source ??= readFileSync(installed('axe-core').resolve('axe-core/axe.min.js'), 'utf8');
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe_source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

/** Basic accessibility faults of the page as it is now, as sentences. */
function accessibility_faults(page) {
  return page.evaluate(() => {
    const faults = [];
    const visible = (element) => element.getClientRects().length > 0;
    const text_of_ids = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
    const name_of = (element) => {
      const by = element.getAttribute('aria-labelledby');
      if (by && text_of_ids(by)) return text_of_ids(by);
      const label = element.getAttribute('aria-label')?.trim();
      if (label) return label;
      if (element.labels?.length) return [...element.labels].map((one) => one.textContent.trim()).join(' ');
      return element.matches('input, select, textarea') ? '' : element.textContent.trim();
    };
    const describe = (element) => element.outerHTML.slice(0, 120);

    for (const element of document.querySelectorAll('input, select, textarea, button, a[href], [role=button], [role=img], [role=region], nav')) {
      if (visible(element) && name_of(element) === '' && element.tagName !== 'NAV') faults.push(`no name: ${describe(element)}`);
    }
    const headings = [...document.querySelectorAll('h1')].filter(visible);
    if (headings.length !== 1) faults.push(`${headings.length} h1`);
    let level = 0;
    for (const element of document.querySelectorAll('h1, h2, h3, h4')) {
      const here = Number(element.tagName[1]);
      if (here > level + 1) faults.push(`heading level skipped: ${describe(element)}`);
      level = here;
    }
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`id twice: ${id}`);
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'for']) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        for (const id of element.getAttribute(attribute).split(/\s+/)) {
          if (!document.getElementById(id)) faults.push(`${attribute} points nowhere: ${describe(element)}`);
        }
      }
    }
    if (!document.documentElement.lang) faults.push('no language');
    if (!document.title) faults.push('no title');
    if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
    for (const element of document.querySelectorAll('[tabindex]')) if (element.tabIndex > 0) faults.push(`tabindex ${element.tabIndex}`);
    const styled = document.querySelector('[style]:not([style=""], svg *)');
    if (styled) faults.push(`inline style: ${styled.getAttribute('style')} ${describe(styled)}`);
    return faults;
  });
}

/** Text whose contrast with its background is too low (WCAG AA), as sentences. */
function contrast_faults(page) {
  return page.evaluate(() => {
    const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const over = (top, bottom) => {
      const alpha = top[3] ?? 1;
      return [0, 1, 2].map((at) => top[at] * alpha + bottom[at] * (1 - alpha));
    };
    const background = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if ((colour[3] ?? 1) > 0) layers.push(colour);
        if ((colour[3] ?? 1) === 1) break;
      }
      return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const luminance = (colour) => {
      const [r, g, b] = colour.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faults = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.closest('.visually-hidden, :disabled, [aria-disabled=true], .skip, svg, noscript')) continue;
      const style = getComputedStyle(element);
      const under = background(element);
      const [light, dark] = [luminance(over(parse(style.color), under)), luminance(under)].sort((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      const size = parseFloat(style.fontSize);
      const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      if (ratio < needed) faults.add(`${ratio.toFixed(2)} < ${needed}: "${walker.currentNode.data.trim().slice(0, 40)}" ${style.color} on ${under.map(Math.round)}`);
    }
    return [...faults];
  });
}

/** Links of the navigation, and buttons of one word, whose word goes over several lines. */
function broken_words(page) {
  return page.evaluate(() => [...document.querySelectorAll('nav a, button')].filter((one) => {
    const text = one.firstChild;
    if (text?.nodeType !== Node.TEXT_NODE || (one.tagName === 'BUTTON' && /\s/.test(text.data.trim()))) return false;
    const word = document.createRange();
    word.selectNodeContents(text);
    return word.getClientRects().length > 1;
  }).map((one) => one.textContent));
}

/** How many pixels the page is wider than its window. */
function sideways_scroll(page) {
  return page.evaluate(() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth);
}

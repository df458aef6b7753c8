// Drives stepgate's pages in a real Chromium with a virtual authenticator, as a person would. Used by the tests here and by the
// demo's smoke run. Needs the packages that setup.sh installs.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Loads what setup.sh has installed: `require` from its folder. */
export function installed(name) {
  const places = [process.env.STEPGATE_BROWSER_MODULES, join(here, '..', '..', 'build', 'browser'), here].filter(Boolean);
  const found = places.find((place) => existsSync(join(place, 'node_modules', name)));
  if (found === undefined) throw new Error(`${name} is not installed: run tests/browser/setup.sh first`);
  return createRequire(join(found, 'package.json'));
}

export const default_timeout = 30_000; // of each wait, in milliseconds: also where other tests run beside these

/** A browser with one window. `violations` fills with breaches of the Content-Security-Policy, `errors` with script errors. */
export async function launch({ viewport = { width: 1200, height: 850 }, color_scheme = 'light', insecure_tls = true } = {}) {
  const { chromium } = installed('playwright-core')('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.STEPGATE_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
      ...(insecure_tls ? ['--ignore-certificate-errors'] : [])],
  });
  const driver = { browser, violations: [], errors: [] };
  driver.context = await new_context(driver, { viewport, color_scheme });
  driver.page = await driver.context.newPage();
  driver.authenticator = await add_authenticator(driver.page);
  driver.close = () => browser.close();
  return driver;
}

/** A fresh profile (no cookies) in the same browser. */
export async function new_context(driver, { viewport = { width: 1200, height: 850 }, color_scheme = 'light' } = {}) {
  const context = await driver.browser.newContext({
    ignoreHTTPSErrors: true, viewport, colorScheme: color_scheme, reducedMotion: 'reduce', locale: 'en-GB',
  });
  context.setDefaultTimeout(default_timeout);
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP-VIOLATION ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  context.on('console', (message) => {
    const said = message.text();
    if (said.startsWith('CSP-VIOLATION') || /Content Security Policy/i.test(said)) driver.violations.push(said);
  });
  context.on('weberror', (error) => driver.errors.push(String(error.error())));
  context.on('page', (page) => page.on('dialog', (dialog) => {
    driver.errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  }));
  return context;
}

/** A platform authenticator with user verification, which says yes at once. */
export async function add_authenticator(page, options = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true, ...options,
    },
  });
  return {
    credentials: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    add: (credential) => session.send('WebAuthn.addCredential', { authenticatorId, credential }),
    /** Whether the person passes the check (fingerprint, PIN). */
    verify: (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    /** Whether the person touches the key at all. */
    present: (enabled) => session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
    remove: () => session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
  };
}

const button = (page, name) => page.getByRole('button', { name, exact: true });
export const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

/** Redeems an enrolment link; afterwards the page offers the factors. */
export async function redeem(page, link) {
  await page.goto(link);
  await button(page, 'Use this link').click();
  await button(page, 'Create passkey').waitFor();
}

/** Enrols a passkey by a link. Ends on the success page, signed in. */
export async function enrol(page, link, name = 'Test passkey') {
  await redeem(page, link);
  await page.locator('#passkey-name').fill(name);
  await button(page, 'Create passkey').click();
  await heading(page, 'You are set up').waitFor();
}

/** Sets up an authenticator app on the page that offers it; `code_of(secret)` gives the six digits. */
export async function enrol_totp(page, code_of, name = 'Test phone') {
  await button(page, 'Set up authenticator app').click();
  const secret = await page.locator('[data-secret]').getAttribute('data-secret');
  await page.locator('#totp-name').fill(name);
  await page.locator('#totp-first-code').fill(await code_of(secret));
  await button(page, 'Confirm code').click();
  return secret;
}

/** Signs in with the passkey of this browser, on whatever page asks for it. */
export async function sign_in(page, origin) {
  if (origin !== undefined) await page.goto(`${origin}/sign-in`);
  await button(page, 'Sign in with a passkey').click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');
}

/** Opens an address of stepgate, signing in on the way when that is asked for. */
export async function open(page, url) {
  await page.goto(url);
  const sign_in_button = button(page, 'Sign in with a passkey');
  await Promise.race([
    sign_in_button.waitFor(),
    page.locator('main h1').filter({ hasNotText: 'Sign in' }).first().waitFor(),
  ]);
  if (await sign_in_button.isVisible()) await sign_in(page);
  await page.locator('main h1').first().waitFor();
}

/** What a pending challenge shows. */
export async function read_challenge(page) {
  await heading(page, 'Approve this statement?').waitFor();
  return {
    code: (await page.locator('.code-big').textContent()).trim(),
    statements: await page.locator('.statement pre').allTextContents(),
    tables: await page.locator('.chip-table').allTextContents(),
    labels: await page.locator('.chip-label').allTextContents(),
    reasons: await page.locator('.reasons li > span').allTextContents(),
  };
}

/** Waits until `holds` answers yes, for what no element shows; whether it did in time. */
export async function until(holds, milliseconds = default_timeout) {
  for (const end = Date.now() + milliseconds; !await holds(); await new Promise((resolve) => { setTimeout(resolve, 50); })) {
    if (Date.now() > end) return false;
  }
  return true;
}

/** Waits until the page accepts an approval: it does not in its first second. The button may be folded away, or lack its code. */
export const until_armed = (page) => page.locator('.answer [aria-disabled=false]').first().waitFor({ state: 'attached' });

/**
 * Clicks "approve" over and over from the moment it is there until just before the page may listen, and answers how often. `go` leads
 * to the challenge within the app. By the page's own clock: what the test itself presses comes too late on a busy machine, and approves.
 */
export async function click_too_early(page, go) {
  const clicked = page.evaluate(() => new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      const button = document.querySelector('.approve');
      if (button === null) return;
      observer.disconnect();
      const shown = performance.now();
      let clicks = 0;
      const click = () => {
        if (performance.now() - shown > 900) { resolve(clicks); return; }
        button.click();
        clicks += 1;
        setTimeout(click, 50);
      };
      click();
    });
    observer.observe(document.body, { childList: true, subtree: true });
  }));
  await go();
  return clicked;
}

/** Approves with the passkey; answers what was shown. */
export async function approve(page, url) {
  await open(page, url);
  const shown = await read_challenge(page);
  await until_armed(page);
  await button(page, 'Approve with passkey').click();
  await heading(page, 'Approved').waitFor();
  return shown;
}

/** The field for a code is folded away when a passkey could be used as well. */
export async function unfold_code(page) {
  const folded = page.locator('.code-instead[data-factor=totp]:not([open]) > summary');
  if (await folded.isVisible()) await folded.click();
}

export async function approve_with_code(page, url, code) {
  await open(page, url);
  const shown = await read_challenge(page);
  await unfold_code(page);
  await page.locator('#approve-code').fill(code);
  await until_armed(page);
  await button(page, 'Approve with code').click();
  return shown;
}

/** Denies; answers what was shown. */
export async function deny(page, url) {
  await open(page, url);
  const shown = await read_challenge(page);
  await button(page, 'Deny').click();
  await heading(page, 'Denied').waitFor();
  return shown;
}

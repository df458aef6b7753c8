// The pages against mock_server.mjs: every page, in states that a real server reaches rarely.
// usage: node tests/browser/ui.mjs DIST        (DIST: the built web app)      STEPGATE_SHOTS=DIR keeps pictures
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  add_authenticator, approve, click_too_early, deny, enrol, enrol_totp, heading, launch, new_context, open, read_challenge, redeem, sign_in, unfold_code, until, until_armed,
} from './driver.mjs';
import { start } from './mock_server.mjs';
import { inspect_page } from './page_checks.mjs';
import { check, equal, finish, step } from './report.mjs';
import { code_source } from './totp.mjs';

const dist = process.argv[2];
if (!dist) {
  console.error('usage: node tests/browser/ui.mjs DIST');
  process.exit(2);
}
const shots = process.env.STEPGATE_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const mock = await start({ dist });
const driver = await launch({ insecure_tls: false });
const { page } = driver;
const button = (name, on = page) => on.getByRole('button', { name, exact: true });

/** What holds on every page. */
const inspect = (name, on = page) => inspect_page(on, `${name}`, shots);

/** What came out of text that somebody else has chosen: nothing but text. */
async function stays_text(name, on = page) {
  equal(`${name}: no element came out of it`, await on.evaluate(() => document.querySelectorAll('main img, main script, main iframe, main svg, main b, main i, main u').length), 0);
  const text = await on.locator('main').innerText();
  check(`${name}: no character that deceives`, !/[\u202a-\u202e\u2066-\u2069\u200b]/.test(text), text.slice(0, 400));
}

const nasty = `SELECT '<img src=x onerror=alert(1)>' AS "</pre><script>alert(2)</script>", "javascript:alert(3)"
FROM customers -- <svg/onload=alert(4)> &lt;b&gt; {{7*7}} \${alert(5)}
WHERE note = 'safe\u202e;sremotsuc MORF ETELED\u2066' AND zero\u200bwidth = E'\\u0000\u0007' /* unfinished <iframe srcdoc="<script>alert(6)</script>">`;

await step('a page before sign-in leads to sign-in', async () => {
  await page.goto(`${mock.origin}/c/unknown-challenge-id-0`);
  await heading(page, 'Sign in').waitFor();
  equal('the way back is kept', new URL(page.url()).searchParams.get('return'), '/c/unknown-challenge-id-0');
  await inspect('sign in');
});

await step('a foreign way back is not followed', async () => {
  await page.goto(`${mock.origin}/sign-in?return=${encodeURIComponent('//evil.example/')}`);
  await heading(page, 'Sign in').waitFor();
});

await step('an enrolment link without a token, and a wrong one, say so', async () => {
  await page.goto(`${mock.origin}/enrol`);
  await page.getByText('has no enrolment token').waitFor();
  await page.goto(`${mock.origin}/enrol#wrong`);
  await button('Use this link').click();
  await heading(page, 'This link cannot be used').waitFor();
  await inspect('enrol refused');
});

await step('an enrolment link makes a passkey', async () => {
  const link = mock.enrolment('ada');
  await page.goto(link);
  await heading(page, 'Set up your first factor').waitFor();
  equal('the token leaves the address', new URL(page.url()).hash, '');
  equal('opening the link does not spend it', mock.requests.includes('POST /api/v1/session/enrolment') && mock.user('ada').factors.length, 0);
  await page.goto('about:blank');
  await redeem(page, link);
  await inspect('enrol choose');
  await page.goto(`${mock.origin}/inbox`);
  await button('Create passkey').waitFor();
  check('an enrolment session only sees the enrolment page', new URL(page.url()).pathname === '/enrol');
  await page.locator('#passkey-name').fill('Laptop');
  await button('Create passkey').click();
  await heading(page, 'You are set up').waitFor();
  await inspect('enrol done');
  equal('the passkey has its name', mock.user('ada').factors.map(({ kind, name }) => `${kind} ${name}`), ['passkey Laptop']);
});

await step('a second use of the link says so', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await other.goto(mock.enrolment('ada'));
  await button('Use this link', other).click();
  await heading(other, 'You have a factor already').waitFor();
  await context.close();
});

await step('the empty inbox says what to do', async () => {
  await page.getByRole('link', { name: 'Open the inbox' }).click().catch(() => page.getByRole('button', { name: 'Open the inbox' }).click());
  await page.getByText('Nothing is waiting for you').waitFor();
  check('title', await until(async () => await page.title() === 'Inbox · stepgate'), await page.title()); // set just after the page
  await inspect('inbox empty');
});

let first;
await step('a held statement appears by itself', async () => {
  first = mock.hold();
  await page.getByText(first.code).waitFor();
  check('title counts', await until(async () => await page.title() === '(1) Inbox · stepgate'), await page.title());
  mock.hold({ sql: 'SELECT name, email, ssn FROM customers ORDER BY name', seconds: 25, labels: ['pii', 'secret'], application: 'DBeaver 24' });
  await page.waitForFunction(() => document.title.startsWith('(2)'));
  mock.settle(mock.hold({ sql: 'TRUNCATE orders' }), 'denied');
  mock.settle(mock.hold({ sql: 'UPDATE payments SET amount = 0' }), 'consumed');
  mock.settle(mock.hold({ sql: 'DROP TABLE orders' }), 'cancelled');
  await page.locator('.row').nth(2).waitFor();
  await inspect('inbox');
});

await step('tabs share one stream, and the next takes over', async () => {
  const second = await page.context().newPage();
  await second.goto(`${mock.origin}/inbox`);
  await second.getByText(first.code).waitFor();
  const third = await page.context().newPage();
  await third.goto(`${mock.origin}/inbox`);
  await third.getByText(first.code).waitFor();
  equal('one stream for three tabs', mock.streams(), 1);
  const news = mock.hold({ sql: 'DELETE FROM shared' });
  await third.getByText(news.code).waitFor();
  await second.getByText(news.code).waitFor();
  await page.goto('about:blank');
  mock.settle(news, 'cancelled');
  await second.locator('.row', { hasText: news.code }).waitFor();
  const more = mock.hold({ sql: 'DELETE FROM after_takeover' });
  await third.getByText(more.code).waitFor();
  check('one stream after the takeover', await until(() => mock.streams() === 1), mock.streams()); // the tab that left may still be hanging up
  mock.settle(more, 'cancelled');
  await second.close();
  await third.close();
});

await step('the desktop is told once, whatever the number of tabs, after a button, and of no literals', async () => {
  const listen = (tab) => tab.evaluate(() => {
    window.told = [];
    window.Notification = class extends Notification {
      constructor(title, options) { super(title, options); window.told.push(`${title} / ${options.body}`); }
    };
  });
  const told = async (...tabs) => (await Promise.all(tabs.map((tab) => tab.evaluate(() => window.told)))).flat();
  await page.context().grantPermissions(['notifications']);
  await page.goto(`${mock.origin}/inbox`);
  await listen(page);
  const quiet = mock.hold({ sql: 'DELETE FROM before_the_button' });
  await page.getByText(quiet.code).waitFor();
  equal('nothing before the button', await told(page), []);
  await button('Notify me on this desktop').click();
  await button('Stop notifying me on this desktop').waitFor();
  await inspect('inbox with notifications');
  const second = await page.context().newPage();
  await second.goto(`${mock.origin}/inbox`);
  await listen(second);
  const loud = mock.hold({ sql: "DELETE FROM people WHERE ssn = '078-05-1120'", statement: "DELETE FROM people WHERE ssn = '078-05-1120'" });
  for (const tab of [page, second]) await tab.getByText(loud.code).waitFor();
  equal('once, without the statement', await told(page, second), [`A statement waits for you / ${loud.code} · shop on shop-pg`]);
  await button('Stop notifying me on this desktop').click();
  const later = mock.hold({ sql: 'DELETE FROM after_the_button' });
  for (const tab of [page, second]) await tab.getByText(later.code).waitFor();
  equal('not after it was stopped', (await told(page, second)).length, 1);
  for (const one of [quiet, loud, later]) mock.settle(one, 'cancelled');
  await second.close();
  await page.context().clearPermissions();
  await page.reload();
  await button('Notify me on this desktop').click(); // the browser says no by itself
  await page.getByText('does not allow notifications from here').waitFor();
});

await step('a broken stream is taken up again, with what was missed', async () => {
  await page.goto(`${mock.origin}/inbox`);
  await page.getByText(first.code).waitFor();
  mock.drop_streams();
  const missed = mock.hold({ sql: 'DELETE FROM missed' });
  await page.getByText(missed.code).waitFor();
  mock.settle(missed, 'cancelled');
});

await step('the challenge page shows what is asked', async () => {
  await page.locator('.card', { hasText: first.code }).getByRole('button', { name: /Review/ }).click();
  const shown = await read_challenge(page);
  equal('code', shown.code, first.code);
  equal('statement', shown.statements, ['DELETE FROM customers;']);
  equal('reason', shown.reasons, ['Rewrites or deletes every row']);
  equal('colours', await page.locator('.statement pre .sql-keyword').allTextContents(), ['DELETE', 'FROM']);
  equal('focus is on approve', await page.evaluate(() => document.activeElement.className), 'approve');
  await until_armed(page);
  await inspect('challenge');
});

/** Keeps the answers to such requests back. `asked`: the first is made; `answer()` lets them go, until what that one says is drawn. */
async function kept_back(asks) {
  let let_go;
  const free = new Promise((resolve) => { let_go = resolve; });
  await page.route(asks, async (route) => {
    await free;
    await route.continue();
  });
  const asked = page.waitForRequest(asks);
  const answer = async () => {
    const response = (await asked).response();
    let_go();
    await (await response).finished();
    await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
    await page.unroute(asks);
  };
  return { asked, answer };
}

/** On a page whose answer is late somebody goes on to the next one, within the app; then the answer comes. What is shown there stays. */
async function answered_late({ from, asks, to, shows }) {
  const { asked, answer } = await kept_back(asks);
  await page.goto(mock.origin + from);
  await asked;
  await page.evaluate((path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }, to);
  const shown = await page.locator(shows).innerText();
  await answer();
  equal(`${from} answered after ${to}`, await page.locator(shows).innerText(), shown);
}

await step('an answer about a challenge that comes late does not take the place of the next one', async () => {
  const late = mock.hold({ sql: 'DELETE FROM late' });
  await answered_late({ from: `/c/${late.id}`, asks: new RegExp(`/challenges/${late.id}$`), to: `/c/${first.id}`, shows: '.code-big' });
  mock.settle(late, 'cancelled');
});

await step('a press as the page comes up does not approve', async () => {
  await page.goto(`${mock.origin}/inbox`);
  const clicks = await click_too_early(page, () => button(`Review ${first.code}`).click());
  check('pressed', clicks > 0);
  await until_armed(page);
  equal('nothing was asked', mock.requests.filter((line) => line.includes(`${first.id}/passkey`)), []);
});

await step('approve by keyboard alone', async () => {
  await page.keyboard.press('Enter');
  await heading(page, 'Approved').waitFor();
  equal('state', mock.challenges.get(first.id).state, 'approved');
  await inspect('approved');
  mock.settle(mock.challenges.get(first.id), 'consumed');
  await page.waitForTimeout(200);
  check('released at once, it still reads as approved', await heading(page, 'Approved').isVisible());
  await page.reload();
  await heading(page, 'Used').waitFor();
  await inspect('used');
});

await step('deny', async () => {
  const held = mock.hold({ in_transaction: true });
  await open(page, `${mock.origin}/c/${held.id}`);
  await page.getByText('the whole transaction fails').waitFor();
  await deny(page, `${mock.origin}/c/${held.id}`);
  equal('state', mock.challenges.get(held.id).state, 'denied');
  const on_mysql = mock.hold({ in_transaction: true, dialect: 'mariadb' });
  await open(page, `${mock.origin}/c/${on_mysql.id}`);
  await page.getByText('the transaction stays open').waitFor();
  mock.settle(on_mysql, 'cancelled');
});

await step('a full challenge: parameters, transaction, elevation, several statements', async () => {
  const held = mock.hold({
    sql: 'UPDATE customers SET email = $1, ssn = NULL\nWHERE true -- all of them', in_transaction: true, elevation: { seconds: 600, scope: 'label', count: null },
    opaque_reasons: ['calls public.purge, whose body is not known'], tables: ['public.customers (email, ssn)', 'public.orders (*)'], labels: ['pii', 'secret'],
    reasons: [{ rule: 'update-without-where', because: 'Rewrites or deletes every row' }, { rule: 'read-pii', because: '' }],
    statements: [
      { sql: 'UPDATE customers SET email = $1, ssn = NULL\nWHERE true -- all of them', sql_truncated: false, parameters: [{ value: "o'brien@example.com", type: 'text' }, { value: null, type: 'oid 2950' }],
        premises: [{ name: 'search_path', value: 'aside' }, { name: 'runs', value: 'DELETE FROM \\u{202E}orders' }] },
      { sql: `SELECT ${Array.from({ length: 90 }, (_, at) => `c${at}`).join(',\n       ')}\nFROM customers`, sql_truncated: true, parameters: [], premises: [] },
    ],
  });
  await open(page, `${mock.origin}/c/${held.id}`);
  await page.getByText('A transaction is open').waitFor();
  await page.getByText('for 10 minutes').waitFor();
  await page.locator('.parameters em').waitFor();
  await page.getByRole('row', { name: 'search_path aside' }).waitFor();
  await until_armed(page);
  await inspect('challenge full');
  await button('Show all 91 lines').click();
  check('the whole text is there', (await page.locator('.statement pre').last().textContent()).includes('c89'));
  mock.settle(held, 'cancelled');
  await heading(page, 'Cancelled').waitFor();
});

await step('the requester says why, reads who else may approve, and withdraws', async () => {
  const held = mock.hold({ requirement: { level: 3, factors: [], approvers: 'dba', approvals: 1 },
    escalation: { group: 'oncall', at: new Date(Date.now() + 60_000).toISOString(), happened: false } });
  await open(page, `${mock.origin}/c/${held.id}`);
  await page.getByText('members of oncall may approve as well').waitFor();
  await page.getByLabel('Why you need it, for those who approve').fill('<b>ticket 42</b>');
  await page.keyboard.press('Enter');
  await page.locator('blockquote', { hasText: '<b>ticket 42</b>' }).waitFor();
  await inspect('challenge for others');
  await button('Withdraw the question').click();
  await heading(page, 'Cancelled').waitFor();
});

await step('script in statement text stays text', async () => {
  const held = mock.hold({ sql: nasty, tables: ['public."<img src=x onerror=alert(7)>"'], labels: ['<b>pii</b>'], application: '<script>alert(8)</script>',
    reasons: [{ rule: '<i>rule</i>', because: '<img src=x onerror=alert(9)>' }], parameters: [{ value: '<svg onload=alert(10)>', type: '<u>text</u>' }] });
  await page.goto(`${mock.origin}/inbox`);
  await page.getByText(held.code).waitFor();
  await stays_text('inbox');
  await open(page, `${mock.origin}/c/${held.id}`);
  await until_armed(page);
  await stays_text('challenge');
  const shown = await page.locator('.statement pre').textContent();
  check('characters that deceive are numbered', shown.includes('U+202E') && shown.includes('U+2066') && shown.includes('U+200B') && !/[\u202e\u2066\u200b]/.test(shown), shown);
  equal('the rest is the same', shown.replace(/U\+[0-9A-F]{4}/g, ''), nasty.replace(/[\u202e\u2066\u200b\u0007]/g, ''));
  await inspect('challenge nasty');
});

await step('expired while looking', async () => {
  const held = mock.hold({ seconds: 2 });
  await open(page, `${mock.origin}/c/${held.id}`);
  await heading(page, 'Expired').waitFor();
  await inspect('expired');
});

await step('unknown and foreign challenges look the same', async () => {
  const foreign = mock.hold({ user: 'bob' });
  mock.user('bob');
  const said = [];
  for (const id of ['AAAAAAAAAAAAAAAAAAAAAA', foreign.id]) {
    await open(page, `${mock.origin}/c/${id}`);
    said.push(await page.locator('main').innerText());
  }
  equal('same words', said[0], said[1]);
  await inspect('not found');
});

await step('history: own questions, how they ended and by what, filtered, paged', async () => {
  const hostile = mock.hold({ sql: nasty, rules: ['<i>rule</i>'], labels: ['<b>pii</b>'], application: '<u>x</u>' });
  mock.settle(hostile, 'denied', { closed_by: '<b>eve</b>', close_reason: '<img src=x onerror=alert(11)>' });
  mock.hold({ user: 'bob', sql: 'DROP TABLE theirs' });
  await open(page, `${mock.origin}/c/${hostile.id}`);
  equal('by whom and why', (await page.locator('main').innerText()).includes('By: <b>eve</b>') && (await page.locator('main').innerText()).includes('Why: <img src=x'), true);
  await stays_text('closed');
  await inspect('closed');
  const decided = mock.hold({ user: 'bob', sql: 'DROP TABLE decided', proofs: [{ user: 'ada', factor: 'passkey', reason: '' }] });
  await page.getByRole('link', { name: 'History' }).click();
  await page.locator('.card', { hasText: hostile.code }).getByText('by <b>eve</b>').waitFor();
  await page.locator('.card', { hasText: first.code }).getByText('ada: Passkey').waitFor();
  await page.locator('.card', { hasText: decided.code }).getByText('Asked by bob').waitFor();
  equal('nothing of others', await page.getByText('DROP TABLE theirs').count(), 0);
  await stays_text('history');
  await inspect('history');
  await page.getByLabel('How it ended').selectOption('consumed');
  await page.waitForFunction(() => [...document.querySelectorAll('.card .state')].every((one) => one.textContent === 'Released'));
  equal('the address keeps the filter', new URL(page.url()).search, '?outcome=consumed');
  await page.locator('.card', { hasText: first.code }).getByText(/^Ran /).waitFor();
  for (let at = 0; at < 51; at += 1) mock.settle(mock.hold({ sql: `DELETE FROM paged_${at}` }), 'expired');
  await page.goto(`${mock.origin}/history?outcome=expired`);
  await page.locator('.card').nth(49).waitFor();
  equal('a page', await page.locator('.card').count(), 50);
  await button('Older ones').click();
  await page.locator('.card', { hasText: 'paged_0' }).waitFor();
  equal('no button at the end', await button('Older ones').count(), 0);
  await page.goto(`${mock.origin}/history?outcome=approved`);
  await page.getByText('Nothing here').waitFor();
  await inspect('history empty');
});

await step('policy: for reviewers and admins, with what each rule did', async () => {
  await page.goto(`${mock.origin}/policy`);
  await heading(page, 'For reviewers and admins').waitFor();
  const none = { matched: 0, held: 0, approved: 0, denied: 0, expired: 0 };
  const challenge = { level: 3, factors: ['totp'], approvals: 2, approvers: 'dba', escalate: { after: 600, group: 'oncall' }, elevation: { seconds: 600, scope: 'label', count: null } };
  mock.rules.push(
    { id: 'delete-without-where', because: 'Rewrites or deletes every row', file: 'packs/destructive.toml', line: 14, action: 'challenge', challenge,
      day: { ...none, matched: 3, held: 2, approved: 1 }, week: { ...none, matched: 12345, held: 7, denied: 1, expired: 1 }, last: new Date().toISOString() },
    { id: '<b>rule</b>', because: '<img src=x onerror=alert(12)>', file: '<i>site.toml</i>', line: 3, action: 'deny', challenge: null, day: none, week: none, last: null },
    { id: 'default.opaque', because: 'Not fully understood', file: null, line: null, action: 'challenge', challenge: { ...challenge, approvals: 0, escalate: null, elevation: null, factors: [] }, day: none, week: none, last: null });
  mock.user('ada').roles.push('auditor');
  await open(page, `${mock.origin}/policy`);
  const card = page.locator('.card', { hasText: 'delete-without-where' });
  for (const said of ['packs/destructive.toml:14', 'Level 3', 'the approval of 2 people of dba', 'After 10 minutes, members of oncall', 'pass for 10 minutes', '12,345']) await card.getByText(said).waitFor();
  equal('counts of the day', await card.locator('tbody tr').first().locator('td').allTextContents(), ['3', '2', '1', '0', '0']);
  await page.locator('.card', { hasText: '<b>rule</b>' }).getByText('decided on no statement yet').waitFor();
  await stays_text('policy');
  await inspect('policy');
  equal('a reviewer gets to the records', await card.getByRole('link').getAttribute('href'), '/audit?rule=delete-without-where');
  mock.user('ada').roles = [];
});

await step('of a client that does not wait, the page says to run it again', async () => {
  const held = mock.hold({ run_again: true });
  await open(page, `${mock.origin}/c/${held.id}`);
  await page.getByText('run the same statement again after you have approved').waitFor();
  await inspect('challenge of a client that does not wait');
  await until_armed(page);
  await button('Approve with passkey').click();
  await heading(page, 'Approved').waitFor();
  await page.locator('main p', { hasText: 'run the same statement again: it passes once' }).waitFor();
  check('it says how long that is so', /^[45]:\d\d$/.test(await page.getByRole('timer').innerText()));
  await inspect('approved, to be run again');
  mock.settle(mock.challenges.get(held.id), 'consumed');
  await page.locator('main p', { hasText: 'The terminal goes on' }).waitFor();
});

await step('at 400 % and on low windows what is asked can be read, and what is focused is seen', async () => {
  const held = mock.hold({ sql: 'DELETE FROM seen', run_again: true });
  for (const viewport of [{ width: 320, height: 256 }, { width: 640, height: 360 }, { width: 1200, height: 700 }]) {
    const name = `${viewport.width}x${viewport.height}`;
    await page.setViewportSize(viewport);
    await open(page, `${mock.origin}/c/${held.id}`);
    const shown = await page.locator('.statement pre').evaluate((pre) => {
      pre.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = pre.getBoundingClientRect();
      return pre.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    });
    check(`${name}: nothing lies over the statement`, shown);
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
    const hidden = [];
    for (let at = 0; at < 20; at += 1) {
      await page.keyboard.press('Tab');
      hidden.push(await page.evaluate(() => {
        const focused = document.activeElement;
        const bar = document.querySelector('.answer');
        if (focused === document.body || bar.contains(focused) || getComputedStyle(bar).position !== 'sticky') return '';
        return focused.getBoundingClientRect().top >= bar.getBoundingClientRect().top ? focused.outerHTML.slice(0, 80) : '';
      }));
    }
    equal(`${name}: what is focused is not behind the bar`, hidden.filter((one) => one !== ''), []);
  }
  await page.setViewportSize({ width: 1200, height: 850 });
  mock.settle(held, 'cancelled');
});

await step('a passkey that is not given changes nothing', async () => {
  const held = mock.hold();
  await open(page, `${mock.origin}/c/${held.id}`);
  await until_armed(page);
  await driver.authenticator.verify(false);
  await button('Approve with passkey').click();
  await page.getByText('The passkey was not used').waitFor();
  equal('state', mock.challenges.get(held.id).state, 'pending');
  await inspect('challenge refused');
  await driver.authenticator.verify(true);
  mock.rotate_csrf(); // as if another tab had signed in anew
  await button('Approve with passkey').click();
  await heading(page, 'Approved').waitFor();
});

await step('a store that is gone says so', async () => {
  const held = mock.hold();
  await open(page, `${mock.origin}/c/${held.id}`);
  mock.failing.add(`POST /api/v1/challenges/${held.id}/deny`);
  await button('Deny').click();
  await page.getByText('cannot use its store or its audit').waitFor();
  mock.failing.clear();
  mock.settle(held, 'cancelled');
});

let codes;
await step('factors: add an authenticator app', async () => {
  await open(page, `${mock.origin}/factors`);
  await inspect('factors');
  const secret = await enrol_totp(page, async (shown) => {
    await inspect('factors totp');
    codes = code_source(shown);
    await page.locator('#totp-first-code').fill('000000');
    await button('Confirm code').click();
    await page.getByText('That code is not right').waitFor();
    return codes();
  });
  check('the secret was shown', secret.length >= 16);
  await page.locator('.card', { hasText: 'Test phone' }).waitFor();
});

await step('factors: a while after the sign-in a change asks for the passkey first', async () => {
  const shown_again = () => mock.requests.filter((line) => line === 'POST /api/v1/session/passkey/finish').length;
  const before = shown_again();
  mock.age_sessions();
  await driver.authenticator.verify(false);
  await button('Set up authenticator app').click();
  await page.getByText('The passkey was not used').waitFor();
  await inspect('factors no step-up');
  equal('nothing was begun', await page.locator('.qr').count(), 0);
  await driver.authenticator.verify(true);
  await button('Set up authenticator app').press('Enter');
  await page.locator('.qr').waitFor();
  equal('asked once', shown_again(), before + 1);
  await button('Cancel').click();
});

await step('factors: messages need the browser\'s permission', async () => {
  await button('Get messages in this browser').click(); // nobody granted it, and a browser without a window says no
  await page.getByText('does not allow notifications').waitFor();
  await inspect('factors no permission');
});

await step('factors: the last passkey stays, another one goes', async () => {
  await button('Remove Laptop').click();
  await button('Remove it').click();
  await page.getByText('This is the last one').waitFor();
  await button('Remove Test phone').click();
  await button('Keep it').click();
  check('kept', await page.locator('.card', { hasText: 'Test phone' }).isVisible());
});

await step('what passes without being asked is listed, and ends by a button', async () => {
  const one = (user, rules) => ({ id: `e-${user}`, user, scope: 'label', granted: new Date().toISOString(), expires: new Date(Date.now() + 600_000).toISOString(), left: null,
    listener: 'shop-pg', database: 'shop', role: 'app', client_address: '10.0.0.5', session: 's', rules, labels: ['pii'] });
  mock.elevations.push(one('ada', ['<b>read-pii</b>']), one('eve', ['other']));
  await page.reload();
  await page.getByText('on the same kinds of data, from one address').waitFor();
  await inspect('factors with an elevation');
  equal('own ones only', await page.getByRole('button', { name: /^End / }).count(), 1);
  await button('End <b>read-pii</b> on shop').press('Enter');
  await page.getByText('Nothing: every held statement asks.').waitFor();
  equal('it is gone', mock.elevations.map(({ user }) => user), ['eve']);
});

await step('tokens for programs: made with the keyboard, shown once, revoked', async () => {
  await page.reload();
  await page.getByText('There are none.').waitFor();
  await page.getByLabel('What it is for', { exact: true }).fill('<b>job</b>');
  check('nothing ticked, nothing made', await button('Make the token').isDisabled());
  await page.getByLabel('read challenges, and hear of them').press('Space');
  await page.getByLabel('It lasts', { exact: true }).selectOption('7');
  await page.getByLabel('What it is for', { exact: true }).press('Enter');
  await page.getByText(/^sgt_/).waitFor();
  await inspect('factors with a token');
  await stays_text('tokens');
  await page.reload();
  await button('Revoke <b>job</b>').click();
  equal('not shown again', await page.getByText(/^sgt_/).count(), 0);
  await button('Revoke now').click();
  await page.getByText('There are none.').waitFor();
});

await step('connect: a password that is shown once, lines to paste, revoked', async () => {
  await open(page, `${mock.origin}/connect`);
  await page.getByText('ends by itself after 1 hour').waitFor();
  await button('Make a password').click();
  await page.getByText('Your password, shown once').first().waitFor();
  await page.getByText("psql 'host=db.example port=6432 user=ada").waitFor();
  await page.getByText('--password --database=DATABASE').waitFor();
  await page.getByLabel('Database', { exact: true }).fill('warehouse');
  await page.getByLabel('Database', { exact: true }).press('Enter');
  await page.getByText('--password --database=warehouse').waitFor();
  await inspect('connect');
  await page.reload();
  await page.getByRole('button', { name: /^Revoke the password made/ }).waitFor();
  equal('not shown again', await page.getByText('Your password, shown once').count(), 0);
  await page.getByRole('button', { name: /^Revoke the password made/ }).click();
  await page.getByText('You have none.').waitFor();
});

await step('connect: what is typed while an older answer is on its way stays', async () => {
  await open(page, `${mock.origin}/connect`);
  const { asked, answer } = await kept_back(/\/database-passwords\?(database=)?$/); // of none
  await button('Make a password').click();
  await asked;
  const database = page.getByLabel('Database', { exact: true });
  await database.fill('warehouse');
  await database.press('Enter');
  await page.getByText('--password --database=warehouse').waitFor();
  await database.fill('warehouse2');
  await answer();
  equal('the lines', await page.getByText('--password --database=warehouse').count(), 1);
  equal('the text', await database.inputValue(), 'warehouse2');
});

await step('users are for admins, who add, group, disable and enrol them', async () => {
  await page.goto(`${mock.origin}/users`);
  await heading(page, 'For admins').waitFor();
  mock.user('ada').roles.push('admin');
  mock.user('<b>bob</b>').groups.push('dba');
  mock.user('eve');
  await open(page, `${mock.origin}/users`);
  await page.getByLabel('Groups of <b>bob</b>', { exact: true }).fill('dba  ops');
  await page.keyboard.press('Enter');
  await button('Disable <b>bob</b>').click();
  await inspect('users question');
  await button('Disable now').click();
  await button('Enable <b>bob</b>').waitFor();
  equal('groups', mock.user('<b>bob</b>').groups, ['dba', 'ops']);
  await page.getByLabel('Add somebody to dba').selectOption('eve');
  await button('Add to dba').click();
  await button('Remove eve from dba').waitFor();
  equal('eve is in it', mock.user('eve').groups, ['dba']);
  const own = page.getByLabel('Groups of eve', { exact: true }); // saved, it would else take her out
  check('and her own line says so', await until(async () => await own.inputValue() === 'dba'), await own.inputValue());
  await button('Remove eve from dba').click();
  await button('Remove now').click();
  await button('Remove eve from dba').waitFor({ state: 'detached' });
  equal('eve is out of it', mock.user('eve').groups, []);
  mock.user('eve').groups = ['night']; // another admin, meanwhile
  await page.getByLabel('Add somebody to dba').selectOption('eve');
  await button('Add to dba').click();
  await page.getByText('Somebody else has changed these groups').waitFor();
  equal('eve is where they put her', mock.user('eve').groups, ['night']);
  await page.getByRole('list', { name: 'Members of night' }).getByText('eve').waitFor();
  await stays_text('users');
  await page.getByLabel('Name', { exact: true }).fill('carol');
  await page.getByLabel('Groups', { exact: true }).fill('ops');
  await button('Add').click();
  await page.getByRole('list', { name: 'Members of ops' }).getByText('carol').waitFor();
  await button('Make an enrolment link for carol').click();
  await page.getByText('Give this link to carol.').waitFor();
  await inspect('users');
  equal('carol', mock.user('carol').groups, ['ops']);
  mock.user('ada').roles = mock.user('ada').roles.filter((role) => role !== 'admin');
});

await step('sessions: browsers and databases, each with a way to end it', async () => {
  const session = (id, user, held) => ({ id, user, listener: 'shop-pg', dialect: 'postgres', database: 'shop', role: 'app', client_address: '10.0.0.5',
    application: '<i>psql</i>', started: new Date().toISOString(), held });
  mock.database_sessions.push(session('s1', 'ada', 'KX4-7PM'), session('s2', 'eve', null));
  const context = await new_context(driver);
  const other = await context.newPage();
  await add_authenticator(other);
  await open(page, `${mock.origin}/sessions`);
  await page.getByText('holds KX4-7PM').waitFor();
  equal('own ones only', await page.getByRole('button', { name: /^End the session of/ }).count(), 1);
  await stays_text('sessions');
  await inspect('sessions');
  await page.getByRole('button', { name: /^End the session of ada/ }).click();
  await page.getByText('What it holds is withdrawn').waitFor();
  await inspect('sessions question');
  await button('End this session').click();
  await page.getByText('There are none.').waitFor();
  equal('it is gone', mock.database_sessions.map(({ id }) => id), ['s2']);
  await button('Sign out everywhere').click();
  await button('Sign out everywhere now').click();
  await heading(page, 'Sign in').waitFor();
  await context.close();
  await sign_in(page);
});

await step('sign out, sign in with password and code, and go on where one was', async () => {
  await button('Sign out').click();
  await heading(page, 'Sign in').waitFor();
  const held = mock.hold({ requirement: { level: 1, factors: [], approvers: null, approvals: 0 }, missing: ['one factor'] });
  await page.goto(`${mock.origin}/c/${held.id}`);
  await heading(page, 'Sign in').waitFor();
  await page.getByText('Use an authenticator code instead').click();
  await inspect('sign in with code');
  await page.getByLabel('Database user name').fill('ada');
  await page.getByLabel('Database password').fill('wrong');
  await page.getByLabel('Code from your authenticator app').fill('123456');
  await button('Sign in with a code').click();
  await page.getByText('That did not match').waitFor();
  await page.getByLabel('Database password').fill('secret');
  await page.getByLabel('Code from your authenticator app').fill(await codes());
  await button('Sign in with a code').click();
  equal('back at the challenge', (await read_challenge(page)).code, held.code);
  await unfold_code(page);
  await until_armed(page);
  await page.locator('#approve-code').fill('111111');
  await button('Approve with code').click();
  await page.getByText('nothing was approved').waitFor();
  mock.settle(held, 'expired');
  await heading(page, 'Expired').waitFor();
  await page.goto(`${mock.origin}/factors`);
  await page.getByText('Sign in with a passkey to change factors').waitFor();
  await inspect('factors weak');
});

await step('without a factor that can help, the page says so', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await add_authenticator(other);
  await enrol(other, mock.enrolment('eve'), 'Key');
  mock.user('eve').factors[0].kind = 'other';
  const held = mock.hold({ user: 'eve' });
  await open(other, `${mock.origin}/c/${held.id}`);
  await other.getByText('None of your factors can approve this').waitFor();
  await other.getByText('add passkey, or authenticator app and PIN.').waitFor();
  equal('where to', await other.getByRole('link', { name: 'Go to Factors' }).getAttribute('href'), '/factors');
  await inspect('challenge no factor', other);
  await context.close();
});

await step('an authenticator app alone leads no further, and the pages say so', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await redeem(other, mock.enrolment('tom'));
  await enrol_totp(other, (secret) => code_source(secret)());
  await other.getByText('Without a passkey you cannot').waitFor();
  equal('no offer that would be refused', await button('Add a second factor', other).count(), 0);
  await inspect('enrol done code only', other);
  await other.goto(`${mock.origin}/factors`);
  await other.getByText('You have no passkey').waitFor();
  await context.close();
});

await step('the audit is for auditors', async () => {
  await page.goto(`${mock.origin}/audit`);
  await heading(page, 'For reviewers').waitFor();
});

await step('audit: list, paging, filters, detail', async () => {
  await button('Sign out').click();
  mock.user('ada').roles.push('auditor');
  await sign_in(page, mock.origin);
  for (let at = 0; at < 60; at += 1) mock.record('statement', 'carl', { action: 'allow', text: `SELECT ${at} FROM orders`, database: 'shop' });
  mock.record('statement', 'mallory', { action: 'deny', text: nasty, labels: ['pii', '<b>'] });
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.locator('.records tbody tr').first().waitFor();
  equal('a page', await page.locator('.records tbody tr').count(), 50);
  await button('Older records').click();
  await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length > 50);
  await page.locator('summary', { hasText: 'Filters' }).click();
  await inspect('audit');
  await page.getByLabel('User', { exact: true }).fill('mallory');
  await page.getByLabel('Event').selectOption('statement');
  await button('Search').click();
  await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length === 1);
  await stays_text('audit');
  equal('the address keeps the filters', new URL(page.url()).search, '?user=mallory&type=statement');
  await page.locator('.record-sequence a').click();
  await page.locator('.sql pre').waitFor();
  await inspect('audit record');
  await stays_text('audit record');
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length === 1);
  await page.goto(`${mock.origin}/audit?user=nobody`);
  await page.getByText('No record matches').waitFor();
  await inspect('audit empty');
  await page.goto(`${mock.origin}/audit/999999`);
  await page.getByText('There is no such record').waitFor();
});

await step('an answer of the audit or the history that comes late does not take the place of the next one', async () => {
  await answered_late({ from: '/audit/2', asks: /\/records\/2$/, to: '/audit/1', shows: '.details' });
  await answered_late({ from: '/audit?user=carl', asks: /\/records\?.*user=carl/, to: '/audit?user=mallory', shows: '.records tbody' });
  await answered_late({ from: '/history?outcome=denied', asks: /\/v1\/history\?.*outcome=denied/, to: '/history?outcome=consumed', shows: '.cards' });
});

await step('a session that ends leads to sign-in and back', async () => {
  await page.goto(`${mock.origin}/factors`);
  await page.locator('.card').first().waitFor();
  mock.end_sessions();
  await heading(page, 'Sign in').waitFor();
  await sign_in(page);
  await heading(page, 'Your factors').waitFor();
});

mock.user('ada').roles = ['admin', 'auditor']; // every page is there, and the longest navigation
for (const { name, viewport, color_scheme } of [
  { name: 'phone', viewport: { width: 360, height: 740 }, color_scheme: 'light' },
  { name: 'phone dark', viewport: { width: 360, height: 740 }, color_scheme: 'dark' },
  { name: 'dark', viewport: { width: 1200, height: 850 }, color_scheme: 'dark' },
]) {
  await step(`every page on ${name}`, async () => {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: color_scheme });
    const held = mock.hold({
      sql: `WITH gone AS (DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email LIKE '%@example.com') RETURNING *)\nSELECT count(*) FROM gone; -- ${'x'.repeat(120)}`,
      in_transaction: true, elevation: { seconds: 600, scope: 'statement', count: 5 }, tables: ['public.customers (id, email)', `public.${'a_very_long_table_name_'.repeat(4)}`],
      parameters: [{ value: 'y'.repeat(90), type: 'text' }], application: 'a client with a rather long application name that goes on',
    });
    for (const [label, path, until] of [
      ['inbox', '/inbox', page.getByText(held.code)], ['challenge', `/c/${held.id}`, page.locator('.answer')],
      ['factors', '/factors', page.locator('.card').first()], ['sessions', '/sessions', page.locator('.card').first()], ['connect', '/connect', page.locator('.card').first()],
      ['history', '/history', page.locator('.card').first()], ['policy', '/policy', page.locator('.card').first()], ['users', '/users', page.locator('.card').first()], ['audit', '/audit?user=carl', page.locator('.records tbody tr').first()],
      ['audit record', '/audit/2', page.locator('.details')], ['not found', '/nothing/here', heading(page, 'Not found')],
    ]) {
      await open(page, mock.origin + path);
      await until.waitFor();
      if (label === 'challenge') {
        await until_armed(page);
        check(`${name}: how often it may run`, (await page.locator('main').innerText()).includes('run up to 5 times in the same database session, within 10 minutes'));
      }
      await inspect(`${name} ${label}`);
    }
    await approve(page, `${mock.origin}/c/${held.id}`);
    const context = await new_context(driver, { viewport, color_scheme });
    const other = await context.newPage();
    await add_authenticator(other);
    await other.goto(`${mock.origin}/sign-in`);
    await heading(other, 'Sign in').waitFor();
    await inspect(`${name} sign in`, other);
    await redeem(other, mock.enrolment(`new-on-${name.replaceAll(" ", "-")}`));
    await button('Set up authenticator app', other).click();
    await other.locator('.qr').waitFor();
    await inspect(`${name} enrol`, other);
    await context.close();
  });
}

equal('no breach of the Content-Security-Policy', driver.violations, []);
equal('no script error and no dialog', driver.errors, []);
await driver.close();
await mock.close();
process.exitCode = finish();

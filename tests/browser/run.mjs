// The main job in a real browser against a real stepgate: enrol, sign in, held, compared, approved, denied, expired, and the audit.
// The environment names the running stack (test_pages.py sets it up):
//   STEPGATE_URL            https://localhost:PORT
//   STEPGATE_PSQL           shell command: psql through stepgate, as the first user
//   STEPGATE_DIRECT_PSQL    shell command: psql around stepgate, as the owner of the tables
//   STEPGATE_LINK           enrolment link of the first user, who is an auditor
//   STEPGATE_USER, STEPGATE_PASSWORD      that user's name and database password
//   STEPGATE_SECOND_PSQL, STEPGATE_SECOND_LINK, STEPGATE_SECOND_USER, STEPGATE_SECOND_PASSWORD      another user, not an auditor
//   STEPGATE_ADMIN_LINK     enrolment link of an admin, who may approve
//   STEPGATE_MARIADB        shell command: the mariadb client through stepgate, as the first user
//   STEPGATE_LEVEL1_SQL     statement that one factor of any kind may release (default: a DROP VIEW)
//   STEPGATE_MAIL           folder into which a mail server writes what it was given: 1.txt, 2.txt, …
//   STEPGATE_PUSH           folder with a subscription of a push service, which writes there what it was given: 1.json, 2.json, …
//   STEPGATE_SHOTS          directory for pictures, if wanted
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  add_authenticator, approve, approve_with_code, click_too_early, deny, enrol, enrol_totp, heading, launch, new_context, open, read_challenge, redeem, sign_in, unfold_code,
  until, until_armed,
} from './driver.mjs';
import { inspect_page } from './page_checks.mjs';
import { start_mariadb, start_psql } from './clients.mjs';
import { check, equal, finish, step } from './report.mjs';
import { code_source } from './totp.mjs';

const env = process.env;
const needed = ['STEPGATE_URL', 'STEPGATE_PSQL', 'STEPGATE_DIRECT_PSQL', 'STEPGATE_LINK', 'STEPGATE_USER', 'STEPGATE_SECOND_PSQL', 'STEPGATE_SECOND_LINK',
  'STEPGATE_PASSWORD', 'STEPGATE_MAIL', 'STEPGATE_PUSH', 'STEPGATE_ADMIN_LINK', 'STEPGATE_MARIADB', 'STEPGATE_SECOND_USER', 'STEPGATE_SECOND_PASSWORD'];
const absent = needed.filter((name) => !env[name]);
if (absent.length > 0) {
  console.error(`run.mjs: not set: ${absent.join(', ')}`);
  process.exit(2);
}
const origin = env.STEPGATE_URL.replace(/\/$/, '');
const shots = env.STEPGATE_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const driver = await launch();
const { page } = driver;
const button = (name, on = page) => on.getByRole('button', { name, exact: true });

const inspect = (name, on = page) => inspect_page(on, `real ${name}`, shots);

const direct = start_psql(env.STEPGATE_DIRECT_PSQL);
await direct.run('DROP TABLE IF EXISTS browser_probe; CREATE TABLE browser_probe (id int, note text); CREATE OR REPLACE VIEW browser_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW recovery_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW pin_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW mail_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW login_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW push_view AS SELECT 1 AS one; CREATE OR REPLACE VIEW push_view_again AS SELECT 1 AS one;');
const refill = () => direct.run("TRUNCATE browser_probe; INSERT INTO browser_probe VALUES (1, 'a'), (2, 'b'), (3, 'c');");
const rows = async () => Number(/^\s*(\d+)\s*$/m.exec(await direct.run('SELECT count(*) FROM browser_probe;'))[1]);
await refill();
const psql = start_psql(env.STEPGATE_PSQL);
const mariadb = start_mariadb(env.STEPGATE_MARIADB);

/** Has a statement held and answers with where to approve it. */
async function held(sql, on = psql) {
  on.send(sql);
  return on.held();
}

/** The newest of so many files of a folder that a server writes to. */
async function written(folder, name) {
  const file = join(folder, name);
  if (!await until(() => existsSync(file))) throw new Error(`${file} was not written`);
  return readFileSync(file, 'utf8');
}

/** What a person does on the page of a challenge, a factor each. */
const answer_with = {
  async passkey() {
    await until_armed(page);
    await button('Approve with passkey').click();
  },
  async code(code) {
    await unfold_code(page);
    await page.locator('#approve-code').fill(code);
    await until_armed(page);
    await page.locator('[data-factor=totp]').getByRole('button', { name: 'Approve with code' }).click();
  },
  async recovery_code(code) {
    await until_armed(page);
    await page.getByText('Use a recovery code instead').click();
    await page.getByLabel('Recovery code').fill(code);
    await page.locator('[data-factor=recovery_code]').getByRole('button', { name: 'Approve with code' }).click();
  },
  async pin(pin) {
    await until_armed(page);
    await page.getByText('Use your PIN').click();
    await page.getByLabel('PIN', { exact: true }).fill(pin);
    await button('Approve with PIN').click();
  },
  /** The text of the message, which is the so-manieth that the mail server got. */
  async mailed_code(count, once_sent = () => {}) {
    await page.getByText('Get a code by e-mail instead').click();
    await button('E-mail me a code').click();
    await page.getByText('A code was sent to d***@example.com').waitFor();
    await once_sent();
    const message = await written(env.STEPGATE_MAIL, `${count}.txt`);
    await page.getByLabel('Code from the message').fill(/^ {4}(\d{4} \d{4})$/m.exec(message)[1]);
    await page.locator('.email-code').getByRole('button', { name: 'Approve with code' }).click();
    return message;
  },
  async login() {
    await until_armed(page);
    await page.getByText('Log in again at your identity provider instead').click();
    await button('Log in again at corp').click();
  },
  async number(number) {
    await page.locator('.number[aria-disabled=false]').first().waitFor();
    await page.getByRole('button', { name: `Approve with number ${number}` }).click();
  },
};

async function approved_in_mariadb() {
  await page.getByRole('heading', { name: /^(Approved|Used)$/, level: 1 }).waitFor();
  const said = await mariadb.answer();
  check('mariadb goes on', said.includes('Query OK'), said);
}

await step('pages ask for a sign-in first', async () => {
  const loaded = [];
  page.on('requestfinished', (request) => loaded.push(request));
  await page.goto(`${origin}/inbox`);
  await heading(page, 'Sign in').waitFor();
  await page.waitForLoadState('networkidle');
  page.removeAllListeners('requestfinished');
  const sizes = await Promise.all(loaded.map((request) => request.sizes()));
  const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
  check(`the app loads in less than 100 KiB (${loaded.length} answers, ${bytes} bytes)`, bytes > 10_000 && bytes < 100 * 1024);
  equal('nothing from other origins', loaded.map((request) => new URL(request.url()).origin).filter((from) => from !== origin), []);
  await inspect('sign in');
});

await step('a wrong enrolment link says so', async () => {
  await page.goto(`${origin}/enrol#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
  await button('Use this link').click();
  await heading(page, 'This link cannot be used').waitFor();
});

await step('enrol a passkey by the link', async () => {
  await enrol(page, env.STEPGATE_LINK, 'Test laptop');
  await inspect('enrolled');
});

await step('the link works once', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await other.goto(env.STEPGATE_LINK);
  await button('Use this link', other).click();
  await other.getByRole('heading', { level: 1 }).filter({ hasNotText: 'Set up' }).waitFor();
  check('it says why', /cannot be used|have a factor/.test(await other.locator('h1').textContent()));
  await context.close();
});

await step('sign out, sign in with the passkey, without a user name', async () => {
  await button('Sign out').click();
  await heading(page, 'Sign in').waitFor();
  await sign_in(page);
  await page.getByText('Nothing is waiting for you').waitFor();
  equal('who', await page.locator('.user bdi').textContent(), env.STEPGATE_USER);
  await inspect('inbox empty');
});

let expiring;
let expired_psql;
await step('a statement for later: nobody will answer it', async () => {
  expired_psql = start_psql(env.STEPGATE_PSQL);
  expiring = await held('DELETE FROM browser_probe WHERE true;', expired_psql);
  await page.locator('.card', { hasText: expiring.code }).waitFor();
  check('the inbox shows it by itself, with its code', true);
});

let used;
await step('DELETE held, same code and statement on the page, approved by keyboard alone, ran', async () => {
  used = await held('DELETE FROM browser_probe;');
  equal('not run before the approval', await rows(), 3);
  await open(page, `${origin}/inbox`);
  const clicks = await click_too_early(page, () => button(`Review ${used.code}`).click());
  check('clicked too early, as the page comes up', clicks > 0);
  const shown = await read_challenge(page);
  equal('code', shown.code, used.code);
  equal('statement', shown.statements, ['DELETE FROM browser_probe;']);
  check('table', shown.tables.some((table) => table.includes('browser_probe')), JSON.stringify(shown.tables));
  check('why', shown.reasons.includes('Rewrites or deletes every row'), JSON.stringify(shown.reasons));
  await until_armed(page);
  equal('still not run', await rows(), 3);
  await inspect('challenge');
  equal('focus is on approve', await page.evaluate(() => document.activeElement.className), 'approve');
  await page.keyboard.press('Enter');
  await heading(page, 'Approved').waitFor();
  const answer = await psql.answer();
  check('psql goes on', answer.includes('DELETE 3'), answer);
  equal('it ran', await rows(), 0);
});

await step('a used challenge says so', async () => {
  await open(page, used.url);
  await heading(page, 'Used').waitFor();
  await inspect('used');
});

await step('denied: an error in psql, the session goes on', async () => {
  await refill();
  const { url } = await held('DELETE FROM browser_probe;');
  await deny(page, url);
  const answer = await psql.answer();
  check('psql shows the denial', /ERROR: .*denied/.test(answer), answer);
  equal('nothing was deleted', await rows(), 3);
  check('the session goes on', (await psql.run('SELECT 41 + 1 AS answer;')).includes('42'));
  await page.reload();
  await heading(page, 'Denied').waitFor();
});

await step('inside a transaction the page warns of locks', async () => {
  await psql.run('BEGIN;');
  const { url } = await held('DELETE FROM browser_probe;');
  await open(page, url);
  await page.getByText('A transaction is open').waitFor();
  await button('Deny').click();
  await heading(page, 'Denied').waitFor();
  await psql.answer();
  const answer = await psql.run('COMMIT;');
  check('the transaction has failed', answer.includes('ROLLBACK'), answer);
});

const nasty = `DELETE FROM browser_probe /* <img src=x onerror=alert(1)> </pre><script>alert(2)</script> */ WHERE '<svg onload=alert(3)>\u202e' = '<svg onload=alert(3)>\u202e'; -- x`;
await step('script in statement text stays text', async () => {
  const { url, code } = await held(nasty);
  await page.goto(`${origin}/inbox`);
  await page.getByText(code).waitFor();
  await open(page, url);
  const shown = await read_challenge(page);
  await until_armed(page);
  equal('no element came out of it', await page.evaluate(() => document.querySelectorAll('main img, main script, main svg, main iframe').length), 0);
  check('the text is there', shown.statements.join('').includes('<img src=x onerror=alert(1)>'), shown.statements.join(''));
  check('the reordering character is shown, not obeyed', !shown.statements.join('').includes('\u202e'), shown.statements.join(''));
  await inspect('challenge nasty');
  await button('Deny').click();
  await heading(page, 'Denied').waitFor();
  await psql.answer();
});

await step('a passkey without user verification, or not given, changes nothing', async () => {
  const { url } = await held('DELETE FROM browser_probe;');
  await open(page, url);
  await until_armed(page);
  await driver.authenticator.verify(false);
  await button('Approve with passkey').click();
  await page.locator('.answer .problem').waitFor();
  equal('nothing was deleted', await rows(), 3);
  await driver.authenticator.verify(true);
  await until_armed(page);
  await button('Deny').click();
  await psql.answer();
});

// The second user has an authenticator app only.
const second_context = await new_context(driver);
const second = await second_context.newPage();
await add_authenticator(second);
let codes;

await step('another user enrols an authenticator app', async () => {
  await redeem(second, env.STEPGATE_SECOND_LINK);
  await enrol_totp(second, (secret) => { codes = code_source(secret); return codes(); });
  await heading(second, 'You are set up').waitFor();
});

await step('a page of somebody else cannot frame these', async () => {
  const context = await driver.browser.newContext({ ignoreHTTPSErrors: true });
  const foreign = await context.newPage();
  const refused = foreign.waitForEvent('console', (message) => message.text().includes("frame-ancestors 'none'"));
  await foreign.setContent(`<iframe src="${origin}/inbox"></iframe>`);
  await refused;
  check('nothing of it is shown', !(await foreign.frames()[1].content()).includes('id="app"'));
  await context.close();
});

await step('unknown and foreign challenges look the same', async () => {
  const { url } = await held('DELETE FROM browser_probe;');
  const said = [];
  for (const address of [url, `${origin}/c/AAAAAAAAAAAAAAAAAAAAAA`]) {
    await second.goto(address);
    await heading(second, 'Not found').waitFor();
    said.push(await second.locator('main').innerText());
  }
  equal('same words', said[0], said[1]);
  await deny(page, url);
  await psql.answer();
});

await step('a code approves what one factor may approve', async () => {
  const theirs = start_psql(env.STEPGATE_SECOND_PSQL);
  const { url, code } = await held(env.STEPGATE_LEVEL1_SQL ?? 'DROP VIEW browser_view;', theirs);
  await second.goto(url);
  await heading(second, 'Approve this statement?').waitFor();
  await unfold_code(second);
  await until_armed(second);
  await second.locator('#approve-code').fill('000000');
  await button('Approve with code', second).click();
  await second.getByText('nothing was approved').waitFor();
  const shown = await approve_with_code(second, url, await codes());
  equal('code', shown.code, code);
  await heading(second, 'Approved').waitFor();
  const answer = await theirs.answer();
  check('psql goes on', !/ERROR/.test(answer), answer);
  await theirs.close();
});

await step('a code alone is not enough for the riskiest', async () => {
  await codes.ready();
  const theirs = start_psql(env.STEPGATE_SECOND_PSQL);
  const { url } = await held('DELETE FROM browser_probe;', theirs);
  await open(second, url);
  await second.getByText('2 steps: authenticator app, then login at an identity provider.').waitFor();
  await inspect('two steps', second);
  await approve_with_code(second, url, await codes());
  await second.getByText('Confirmed with authenticator app.').waitFor();
  equal('nothing was deleted', await rows(), 3);
  await button('Deny', second).click();
  await heading(second, 'Denied').waitFor();
  await theirs.answer();
  await theirs.close();
});

let sheet;
await step('recovery codes: shown once, each approves once what one factor may approve', async () => {
  await open(page, `${origin}/factors`);
  const shown_again = page.waitForResponse((answer) => answer.url().endsWith('/session/passkey/finish') && answer.status() === 200);
  await button('Make recovery codes').click();
  await shown_again;
  const list = page.getByRole('list', { name: 'Your recovery codes' });
  await list.waitFor();
  await inspect('recovery codes');
  const window_size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  await inspect('recovery codes on a phone');
  equal('no code lies on another', await list.locator('code').evaluateAll((codes) => {
    const places = codes.map((code) => code.getBoundingClientRect());
    return places.filter((one, at) => places.some((other, before) => before < at && one.left < other.right && other.left < one.right && one.top < other.bottom - 1 && other.top < one.bottom - 1)).length;
  }), 0);
  await page.setViewportSize(window_size);
  sheet = await list.locator('code').allTextContents();
  equal('ten codes', sheet.length, 10);
  await button('I have kept them').click();
  await page.locator('.card', { hasText: 'Recovery codes (10 left)' }).waitFor();
  equal('not shown again', await list.count(), 0);
  const { url } = await held('DROP VIEW recovery_view;');
  await open(page, url);
  await answer_with.recovery_code(sheet[0].toLowerCase());
  await heading(page, 'Approved').waitFor();
  const answer = await psql.answer();
  check('psql goes on', /DROP VIEW/.test(answer), answer);
  await open(page, `${origin}/factors`);
  await page.locator('.card', { hasText: 'Recovery codes (9 left)' }).waitFor();
});

await step('a PIN: chosen twice the same and not too easily, approves what one factor may approve', async () => {
  await open(page, `${origin}/factors`);
  const choose = async (pin, again, say) => {
    await page.getByLabel('New PIN').fill(pin);
    await page.getByLabel('The same once more').fill(again);
    await button(say).click();
  };
  await choose('correct horse', 'correct house', 'Set PIN');
  await page.getByText('The two are not the same.').waitFor();
  await choose('123456', '123456', 'Set PIN');
  await page.getByText('nobody would try first').waitFor();
  await inspect('choosing a PIN');
  await choose('correct horse', 'correct horse', 'Set PIN');
  await page.locator('.card', { hasText: 'PIN' }).getByText('never used').waitFor();
  await choose('battery staple', 'battery staple', 'Change PIN');
  await page.waitForFunction(() => document.querySelector('#new-pin').value === ''); // it is set
  const { url } = await held('DROP VIEW pin_view;');
  await open(page, url);
  await answer_with.pin('correct horse');
  await page.getByText('That was not right').waitFor();
  await page.getByLabel('PIN', { exact: true }).fill('battery staple');
  await button('Approve with PIN').click();
  await heading(page, 'Approved').waitFor();
  const answer = await psql.answer();
  check('psql goes on', /DROP VIEW/.test(answer), answer);
});

// This Chromium reaches no push service, so PushManager.subscribe is given a subscription of the test's own service, which reads
// what stepgate sends to it. Everything behind it is real: the browser delivers the message to stepgate's service worker.
async function take_messages(on) {
  await on.context().grantPermissions(['notifications'], { origin });
  const subscription = readFileSync(join(env.STEPGATE_PUSH, 'subscription'), 'utf8');
  await on.addInitScript((text) => {
    const { endpoint, ...keys } = JSON.parse(text);
    let subscribed = sessionStorage.getItem('subscribed') === 'yes';
    const keep = (is) => { subscribed = is; sessionStorage.setItem('subscribed', is ? 'yes' : 'no'); return is; };
    const subscription = { endpoint, toJSON: () => ({ endpoint, keys }), unsubscribe: async () => !keep(false) };
    PushManager.prototype.subscribe = async () => (keep(true), subscription);
    PushManager.prototype.getSubscription = async () => (subscribed ? subscription : null);
  }, subscription);
  const devtools = await on.context().newCDPSession(on);
  let registration;
  devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    registration = registrations.find((one) => one.scopeURL.startsWith(origin) && !one.isDeleted)?.registrationId ?? registration;
  });
  await devtools.send('ServiceWorker.enable');
  let delivered = 0;
  return async () => {
    delivered += 1;
    const data = await written(env.STEPGATE_PUSH, `${delivered}.json`);
    await devtools.send('ServiceWorker.deliverPushMessage', { origin, registrationId: registration, data });
    return JSON.parse(data);
  };
}

/** Clicks the notification of a challenge once it is there, as its owner would; gives its texts. */
async function click_notification(on, tag) {
  const click = async (challenge) => {
    const [notification] = await self.registration.getNotifications({ tag: challenge });
    if (notification === undefined) return null;
    const { title, body } = notification;
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification }));
    return { title, body };
  };
  let shown; // by whichever try: a slow answer counts too, since the notification is clicked then and no other try finds it
  const found = await until(async () => {
    // A worker that the browser has just put to sleep answers nothing, or goes away; the next one answers.
    const worker = on.context().serviceWorkers().at(-1);
    const tried = worker?.evaluate(click, tag).then((answer) => { shown ??= answer; }, () => {});
    await Promise.race([tried, on.waitForTimeout(3000)]);
    return Boolean(shown);
  });
  if (!found) throw new Error('the notification never came');
  return shown;
}

let deliver;
await step('messages to this browser: enrolled by the test message', async () => {
  deliver = await take_messages(page);
  await open(page, `${origin}/factors`);
  await page.locator('#push-name').fill('Test browser');
  await button('Get messages in this browser').click();
  await deliver();
  await page.locator('.card', { hasText: 'Test browser' }).waitFor();
  await inspect('factors with push');
});

await step('a message about a held statement: its notification leads to the numbers, one of which the terminal shows', async () => {
  const { url, code, number } = await held('DROP VIEW push_view;');
  await deliver();
  const shown = await click_notification(page, url.split('/c/')[1]);
  check('it names the challenge', shown.title.includes(code), shown.title);
  check('and not what', !`${shown.title}${shown.body}`.includes('push_view'), shown.body);
  const question = page.getByRole('group', { name: 'Which number does your terminal show?' });
  await question.waitFor();
  equal('the token has left the address', page.url(), url);
  const numbers = await question.getByRole('button').allTextContents();
  equal('three numbers', numbers.length, 3);
  check('one of them stands in the terminal', numbers.includes(number), `${numbers} ${number}`);
  await page.setViewportSize({ width: 360, height: 740 });
  await inspect('numbers on a phone');
  await page.emulateMedia({ colorScheme: 'dark' });
  await inspect('numbers in the dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1200, height: 850 });
  await answer_with.number(number);
  await heading(page, 'Approved').waitFor();
  check('psql goes on', !/ERROR/.test(await psql.answer()));
});

await step('a wrong number ends the message, and other ways are left', async () => {
  const { url, number } = await held('DROP VIEW push_view_again;');
  const { url: address } = await deliver();
  await page.goto(origin + address);
  const question = page.getByRole('group', { name: 'Which number does your terminal show?' });
  await question.waitFor();
  const wrong = (await question.getByRole('button').allTextContents()).find((one) => one !== number);
  await answer_with.number(wrong);
  await page.getByText('nothing was approved').waitFor();
  await question.waitFor({ state: 'detached' });
  await page.getByText('Answer the message on your phone').waitFor({ state: 'detached' }); // no message is left to answer
  await approve(page, url);
  check('psql goes on', !/ERROR/.test(await psql.answer()));
});

// Before the others of mariadb: a user gets a few messages a minute only.
await step('mariadb: held, and approved with a message to a browser', async () => {
  const { url, number } = await held('DROP VIEW message_to_a_browser;', mariadb);
  const { url: address } = await deliver();
  equal('the message is about it', address.split('#')[0], new URL(url).pathname);
  await page.goto(origin + address);
  await answer_with.number(number);
  await approved_in_mariadb();
});

await step('a browser that is removed on its own page is unsubscribed', async () => {
  await open(page, `${origin}/factors`);
  equal('before', await page.evaluate(() => sessionStorage.getItem('subscribed')), 'yes');
  await button('Remove Test browser').click();
  await button('Remove it').click();
  await page.locator('.card', { hasText: 'Test browser' }).waitFor({ state: 'detached' });
  equal('after', await page.evaluate(() => sessionStorage.getItem('subscribed')), 'no');
});

await step('a code by e-mail: sent when asked for, for this statement', async () => {
  const { url, code } = await held('DROP VIEW mail_view;');
  await open(page, url);
  const message = await answer_with.mailed_code(1, () => inspect('a code was mailed'));
  check('it says which challenge', message.includes(code), message);
  check('and not what', !message.includes('mail_view'), message);
  await heading(page, 'Approved').waitFor();
  const answer = await psql.answer();
  check('psql goes on', /DROP VIEW/.test(answer), answer);
});

await step('a new login at the identity provider, there and back, approves what one factor may approve', async () => {
  const { url } = await held('DROP VIEW login_view;');
  await open(page, url);
  await answer_with.login();
  await page.getByRole('heading', { name: /^(Approved|Used)$/, level: 1 }).waitFor();
  equal('the code is not in the address', new URL(page.url()).search, '');
  const answer = await psql.answer();
  check('psql goes on', /DROP VIEW/.test(answer), answer);
  await page.goto(`${origin}/provider?code=x&state=y`);
  await page.getByText('Nothing was begun in this tab').waitFor();
  await inspect('a login that nobody began');
});

await step('a statement that needs two people: the requester proves, a colleague approves', async () => {
  await codes.ready();
  const { url, code } = await held("COMMENT ON TABLE browser_probe IS 'two';");
  await open(page, url);
  await until_armed(page);
  await button('Approve with passkey').click();
  await page.getByText('Waiting for others').waitFor();
  await page.getByLabel('Why you need it, for those who approve').fill('<i>because of ticket 42</i>');
  await button('Tell them').click();
  await page.locator('blockquote').waitFor();
  await inspect('waiting for others');
  await second.goto(`${origin}/inbox`);
  const card = second.locator('.card', { hasText: code });
  await card.getByText(`${env.STEPGATE_USER} asks for your approval`).waitFor();
  await inspect('inbox of a colleague', second);
  await card.getByRole('button', { name: `Review ${code}` }).click();
  await heading(second, `Approve this statement of ${env.STEPGATE_USER}?`).waitFor();
  await second.locator('blockquote', { hasText: '<i>because of ticket 42</i>' }).waitFor();
  await inspect('challenge of a colleague', second);
  await unfold_code(second);
  await second.locator('#approve-code').fill(await codes());
  await until_armed(second);
  await button('Approve with code', second).click();
  await heading(second, 'Approved').waitFor();
  const answer = await psql.answer();
  check('psql goes on', /COMMENT/.test(answer), answer);
});

await step('a colleague says no, and the terminal says why', async () => {
  const { url } = await held("COMMENT ON TABLE browser_probe IS 'three';");
  await second.goto(url);
  await second.getByLabel('Reason (optional)').fill('not today');
  await button('Deny', second).click();
  await heading(second, 'Denied').waitFor();
  const answer = await psql.answer();
  check('psql says why', answer.includes(`denied by ${env.STEPGATE_SECOND_USER}: not today`), answer);
});

await step('sign in with password and code', async () => {
  await button('Sign out', second).click();
  await heading(second, 'Sign in').waitFor();
  await second.getByText('Use an authenticator code instead').click();
  await second.getByLabel('Database user name').fill(env.STEPGATE_SECOND_USER);
  await second.getByLabel('Database password').fill(env.STEPGATE_SECOND_PASSWORD);
  await second.getByLabel('Code from your authenticator app').fill(await codes());
  await button('Sign in with a code', second).click();
  await heading(second, 'Inbox').waitFor();
  await second.goto(`${origin}/audit`);
  await heading(second, 'For reviewers').waitFor();
  await second.goto(`${origin}/factors`);
  await second.getByText('You have no passkey').waitFor();
});

await step('sign in at the identity provider', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await other.goto(`${origin}/factors`);
  await button('Sign in with corp', other).click();
  await other.getByText('Sign in with a passkey to change factors').waitFor();
  equal('back where the way began', new URL(other.url()).pathname, '/factors');
  await context.close();
});

await step('sign in with password and recovery code, on a device without a passkey', async () => {
  const context = await new_context(driver);
  const other = await context.newPage();
  await other.goto(`${origin}/sign-in`);
  await other.getByText('Use an authenticator code instead').click();
  await button('I only have a recovery code', other).click();
  await inspect('sign in with a recovery code', other);
  await other.getByLabel('Database user name').fill(env.STEPGATE_USER);
  await other.getByLabel('Database password').fill(env.STEPGATE_PASSWORD);
  await other.getByLabel('Recovery code').fill(sheet[1]);
  await button('Sign in with a recovery code', other).click();
  await heading(other, 'Inbox').waitFor();
  await other.goto(`${origin}/factors`);
  await other.getByText('Sign in with a passkey to change factors').waitFor();
  await context.close();
});
await second_context.close();

// Somebody new: added on a page by an admin, connects with a password from a page, is ended and disabled on pages.
const boss_context = await new_context(driver);
const boss = await boss_context.newPage();
await add_authenticator(boss);
const third_context = await new_context(driver);
const third = await third_context.newPage();
await add_authenticator(third);

await step('an admin adds a user, who enrols by the link', async () => {
  await enrol(boss, env.STEPGATE_ADMIN_LINK);
  await open(boss, `${origin}/users`);
  await boss.getByLabel('Name', { exact: true }).fill('third');
  await boss.getByLabel('Groups', { exact: true }).fill('newcomers');
  await button('Add', boss).click();
  await button('Make an enrolment link for third', boss).click();
  const shown = boss.locator('.notice code');
  await shown.waitFor();
  await inspect('users', boss);
  await enrol(third, await shown.textContent());
});

let lines; // to paste into a terminal
let password;
const terminals = [];
const connect = () => {
  const terminal = start_psql(`env PGPASSWORD=${password} ${lines.find((line) => line.startsWith('psql '))}`);
  terminals.push(terminal);
  return terminal;
};
/** What the client said at its end, which comes a moment after what ends it. */
const end_of = async (terminal) => {
  let said;
  await until(async () => {
    said = await terminal.run('SELECT 6 * 7 AS alive;').then((answer) => `it lives: ${answer}`, (error) => String(error));
    return !said.startsWith('it lives');
  });
  return said.includes('the client ended') ? 'ended' : said;
};

await step('a password made on the Connect page opens PostgreSQL and MySQL, by the lines shown there', async () => {
  await open(third, `${origin}/connect`);
  await button('Make a password', third).click();
  password = (await third.locator('.notice .copyable code').textContent()).trim();
  await third.getByLabel('Database', { exact: true }).fill('shop');
  await third.getByLabel('Database', { exact: true }).press('Tab');
  await third.getByText('dbname=shop').waitFor();
  lines = await third.locator('.card .copyable code').allTextContents();
  await inspect('connect', third);
  const terminal = connect();
  check('psql', (await terminal.run('SELECT 6 * 7 AS alive;')).includes('42'), terminal.transcript());
  const mysql = lines.find((line) => line.startsWith('mysql ')).replace(' --password', '');
  const said = execFileSync('sh', ['-c', `${mysql} --batch -e 'SELECT 6 * 7 AS alive'`], { env: { ...env, MYSQL_PWD: password }, encoding: 'utf8' });
  check('mysql', said.includes('42'), said);
});

await step('an admin ends a database session on the Sessions page, and psql is out', async () => {
  await open(boss, `${origin}/sessions`);
  await boss.getByRole('button', { name: /^End the session of third/ }).click();
  await inspect('sessions', boss);
  await button('End this session', boss).click();
  await boss.locator('.card .tag', { hasText: /^third$/ }).waitFor({ state: 'detached' }); // the button goes when it asks
  equal('the session', await end_of(terminals[0]), 'ended');
  await open(third, `${origin}/sessions`);
  equal('own ones only', await third.getByRole('button', { name: /^End the session of/ }).count(), 0);
});

await step('an admin disables a user: database session, browser and password end', async () => {
  const terminal = connect();
  check('in again', (await terminal.run('SELECT 6 * 7 AS alive;')).includes('42'), terminal.transcript());
  await third.goto(`${origin}/inbox`);
  await heading(third, 'Inbox').waitFor();
  await open(boss, `${origin}/users`);
  await button('Disable third', boss).click();
  await button('Disable now', boss).click();
  await button('Enable third', boss).waitFor();
  equal('the session', await end_of(terminal), 'ended');
  await heading(third, 'Sign in').waitFor();
  equal('the password', await end_of(connect()), 'ended');
  check('why', terminals.at(-1).transcript().includes('authentication failed'), terminals.at(-1).transcript());
});

// Every factor once more, and two people, on the other protocol.
let own_codes;
const on_mariadb = [
  ['passkey', () => answer_with.passkey()],
  ['authenticator app', async () => answer_with.code(await own_codes())],
  ['recovery code', () => answer_with.recovery_code(sheet[2])],
  ['PIN', () => answer_with.pin('battery staple')],
  ['code by e-mail', () => answer_with.mailed_code(2)],
  ['login at an identity provider', () => answer_with.login()],
];

await step('mariadb: an authenticator app more, on the Factors page', async () => {
  await open(page, `${origin}/factors`);
  await enrol_totp(page, (secret) => { own_codes = code_source(secret); return own_codes(); }, 'Own phone');
  await page.locator('.card', { hasText: 'Own phone' }).waitFor();
});

for (const [name, answer] of on_mariadb) {
  await step(`mariadb: held, and approved with ${name}`, async () => {
    const shown = await held(`DROP VIEW ${name.replaceAll(/[ -]/g, '_')};`, mariadb);
    await open(page, shown.url);
    equal('code', (await read_challenge(page)).code, shown.code);
    await answer(shown);
    await approved_in_mariadb();
  });
}

await step('mariadb: a statement that needs two people', async () => {
  const { url } = await held("INSERT INTO ledger VALUES (1);", mariadb);
  await open(page, url);
  await answer_with.passkey();
  await page.getByText('Waiting for others').waitFor();
  await open(boss, url);
  await heading(boss, `Approve this statement of ${env.STEPGATE_USER}?`).waitFor();
  await until_armed(boss);
  await button('Approve with passkey', boss).click();
  await heading(boss, 'Approved').waitFor();
  const said = await mariadb.answer();
  check('mariadb goes on', said.includes('Query OK, 1 row affected'), said);
});

await step('mariadb: a colleague says no, and the terminal says why; the session goes on', async () => {
  const { url } = await held('INSERT INTO ledger VALUES (2);', mariadb);
  await open(boss, url);
  await boss.getByLabel('Reason (optional)').fill('not today');
  await button('Deny', boss).click();
  await heading(boss, 'Denied').waitFor();
  const said = await mariadb.answer();
  check('mariadb says why', said.includes('denied by boss: not today'), said);
  check('and goes on', /\|\s+1 \|/.test(await mariadb.run('SELECT count(*) AS entries FROM ledger;')));
});

await step('mariadb: script in statement text stays text', async () => {
  const { url } = await held("DELETE FROM ledger WHERE '<img src=x onerror=alert(1)>' = '<img src=x onerror=alert(1)>' /* <script>alert(2)</script> */;", mariadb);
  await open(page, url);
  const shown = (await read_challenge(page)).statements.join('');
  check('the text is there', shown.includes('<img src=x onerror=alert(1)>'), shown);
  equal('no element came out of it', await page.evaluate(() => document.querySelectorAll('main img, main script').length), 0);
  await inspect('challenge of MariaDB');
  await button('Deny').click();
  await heading(page, 'Denied').waitFor();
  await mariadb.answer();
});

await step('history: own questions from the audit, with the factor that answered', async () => {
  await open(page, `${origin}/history`);
  const card = page.locator('.card', { hasText: used.code });
  await card.getByText(`${env.STEPGATE_USER}: Passkey`).waitFor();
  await card.getByText('DELETE FROM browser_probe').waitFor();
  check('it ran', /Ran /.test(await card.innerText()));
  equal('hostile text made no element', await page.evaluate(() => document.querySelectorAll('main img, main script, main svg, main iframe').length), 0);
  await inspect('history');
  await page.goto(`${origin}/history?outcome=denied`);
  await page.locator('.card', { hasText: 'DELETE FROM browser_probe /* <img src=x onerror=alert(1)>' }).waitFor();
});

await step('policy: the rules in force and what they did', async () => {
  await open(boss, `${origin}/policy`);
  const card = boss.locator('.card', { has: boss.getByText('delete-without-where', { exact: true }) });
  await card.locator('tbody tr').first().waitFor();
  check('it held', Number(await card.locator('tbody tr').first().locator('td').nth(1).textContent()) > 0);
  await boss.locator('.card', { hasText: 'default.opaque' }).waitFor();
  await inspect('policy', boss);
  await third_context.close();
  await boss_context.close();
});

await step('on a phone', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  const { url, code } = await held('DELETE FROM browser_probe;');
  await page.goto(`${origin}/inbox`);
  await page.getByText(code).waitFor();
  await inspect('phone inbox');
  await open(page, url);
  await until_armed(page);
  await inspect('phone challenge');
  await approve(page, url);
  const answer = await psql.answer();
  check('psql goes on', answer.includes('DELETE 3'), answer);
  await page.setViewportSize({ width: 1200, height: 850 });
});

await step('factors', async () => {
  await page.goto(`${origin}/factors`);
  await page.locator('.card', { hasText: 'Test laptop' }).waitFor();
  await inspect('factors');
});

await step('the reviewer finds it in the audit', async () => {
  await page.goto(`${origin}/audit`);
  await page.locator('.records tbody tr').first().waitFor();
  await inspect('audit');
  await page.goto(`${origin}/audit?type=release`);
  await page.locator('.records tbody tr').first().waitFor();
  await page.locator('.record-sequence a').first().click();
  await page.locator('.details').waitFor();
  await inspect('audit record');
  await page.getByRole('link', { name: 'All records of this challenge' }).click();
  for (const what of ['Challenge opened', 'Proof accepted', 'Challenge approved', 'Released']) await page.locator('.records tbody tr', { hasText: what }).first().waitFor();
});

await step('nobody answered: expired', async () => {
  await page.goto(expiring.url);
  await page.getByRole('heading', { level: 1, name: 'Expired', exact: true }).waitFor({ timeout: 120_000 });
  await inspect('expired');
  const answer = await expired_psql.answer(60);
  check('psql shows an error', /ERROR: .*not approved/.test(answer), answer);
});

equal('no breach of the Content-Security-Policy', driver.violations, []);
equal('no script error and no dialog', driver.errors, []);
for (const one of [psql, expired_psql, direct, mariadb, ...terminals]) one?.kill();
await driver.close();
process.exitCode = finish();

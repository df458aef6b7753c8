// What a person does with stepgate in a browser, one act a call or the whole round. Needs setup.sh's package.
//   node smoke.mjs enrol LINK | approve URL | deny URL     one act; the passkey is kept in $STEPGATE_BROWSER_STATE
//   node smoke.mjs round                                   held, approved, ran; held, denied, session alive; audit verified
// round reads STEPGATE_LINK (enrolment link), STEPGATE and STEPGATE_CONFIG (for `audit verify`),
// PG* for psql, and STEPGATE_MARIADB, a shell command: the mariadb client through stepgate.
// STEPGATE_SHOTS=DIR keeps pictures. Exit 0 only if each step was really seen.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as driver_of from './driver.mjs';
import { start_mariadb, start_psql } from './clients.mjs';
import { check, equal, finish, step } from './report.mjs';

const [act, address] = process.argv.slice(2);
const usage = 'usage: node smoke.mjs enrol LINK | approve URL | deny URL | round';

async function one_act() {
  const state = process.env.STEPGATE_BROWSER_STATE;
  if (!state) throw new Error('STEPGATE_BROWSER_STATE must name a file for the passkey');
  const driver = await driver_of.launch();
  try {
    if (existsSync(state)) for (const credential of JSON.parse(readFileSync(state, 'utf8'))) await driver.authenticator.add(credential);
    if (act === 'enrol') await driver_of.enrol(driver.page, address);
    else console.log(JSON.stringify(await driver_of[act](driver.page, address)));
    writeFileSync(state, JSON.stringify(await driver.authenticator.credentials()), { mode: 0o600 });
    console.log(`${act}: done`);
  } finally {
    await driver.close();
  }
}

/** What differs between the clients: how to start one, and how it shows that rows were deleted. */
const clients = [
  { name: 'psql', start: () => start_psql('psql'), deleted: (rows) => `DELETE ${rows}` },
  { name: 'mariadb', start: () => start_mariadb(process.env.STEPGATE_MARIADB), deleted: (rows) => `Query OK, ${rows} rows affected` },
];

async function held_round({ name, start, deleted }, page, picture) {
  const client = start();
  const count = async (table) => /^[| ]*(\d+)[| ]*\r?$/m.exec(await client.run(`SELECT count(*) FROM ${table};`))?.[1];
  try {
    await step(`${name}: DELETE held, approved, ran`, async () => {
      const before = await count('orders');
      check('there are orders to delete', Number(before) > 0, before);
      client.send('DELETE FROM orders;');
      const { url, code } = await client.held();
      await driver_of.open(page, url);
      const shown = await driver_of.read_challenge(page);
      await driver_of.until_armed(page);
      await picture(`${name}-held`);
      equal('the page shows the same code', shown.code, code);
      check('the page shows the statement', shown.statements.length === 1 && /^DELETE FROM orders;?$/.test(shown.statements[0]), shown.statements);
      await driver_of.approve(page, url);
      await picture(`${name}-approved`);
      const answer = await client.answer();
      check('the DELETE ran on the same connection', answer.includes(deleted(before)), answer);
    });

    await step(`${name}: DELETE held, denied, session alive`, async () => {
      client.send('DELETE FROM customers;');
      const { url } = await client.held();
      await driver_of.deny(page, url);
      const answer = await client.answer();
      check(`${name} shows the denial`, answer.includes('statement denied'), answer);
      const left = await count('customers');
      check('the session goes on and nothing was deleted', Number(left) > 0, left);
    });
  } finally {
    await client.close();
    console.log(`\n== what ${name} showed\n${client.transcript()}`);
  }
}

async function round() {
  const shots = process.env.STEPGATE_SHOTS;
  if (shots) mkdirSync(shots, { recursive: true });
  const driver = await driver_of.launch();
  const { page } = driver;
  const picture = async (name) => { if (shots) await page.screenshot({ path: join(shots, `${name}.png`) }); };
  try {
    await step('enrolled a passkey with the link', () => driver_of.enrol(page, process.env.STEPGATE_LINK, 'Smoke test'));
    for (const client of clients) await held_round(client, page, picture);
    if (process.env.STEPGATE) {
      await step('audit verified', () => {
        const said = execFileSync(process.env.STEPGATE, ['audit', 'verify', '--config', process.env.STEPGATE_CONFIG], { encoding: 'utf8' });
        console.log(said.trimEnd());
      });
    }
    equal('no breach of the Content-Security-Policy', driver.violations, []);
    equal('no script error', driver.errors, []);
  } finally {
    await driver.close();
  }
  process.exitCode = finish();
}

if (act === 'round') await round();
else if (['enrol', 'approve', 'deny'].includes(act) && address) await one_act();
else {
  console.error(usage);
  process.exitCode = 2;
}

// A server that speaks challenge-web/api/openapi.yaml from memory, over plain http on localhost, with the same
// Content-Security-Policy as the real one: for working on the pages, and for testing them in states that a real server reaches
// rarely. `node mock_server.mjs DIST [PORT]` runs it by hand with some content.
import { createHash, createPublicKey, randomBytes, verify as verify_signature } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { code_at } from './totp.mjs';

export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
  + "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const random = (bytes) => randomBytes(bytes).toString('base64url');
const sha256 = (data) => createHash('sha256').update(data).digest();
const from_base64url = (text) => Buffer.from(text, 'base64url');

class Refused extends Error {
  constructor(status, code, message = code, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

/** Starts the server on a free port; the answer has its address and the levers that tests pull. */
export async function start({ dist, port = 0, page_size_guard = 500 } = {}) {
  const users = new Map(); // name -> {name, password, roles, groups, factors: []}
  const sessions = new Map(); // cookie -> session
  const enrolments = new Map(); // token -> user name
  const challenges = new Map(); // id -> Challenge with digest
  const ceremonies = new Map();
  const streams = new Set(); // {user, response}
  const records = [];
  const elevations = [];
  const tokens = []; // ApiToken
  const passwords = [];
  const database_sessions = [];
  const rules = []; // RuleInForce
  const failing = new Set(); // "METHOD path" that answer 503
  let origin = '';
  const requests = [];

  const now = () => new Date().toISOString();
  const record = (type, user, fields = {}) => {
    const sequence = records.length + 1;
    records.push({ sequence, at: now(), type, session: fields.session ?? '', user, fields, hash: sha256(`${sequence}${type}`).toString('hex') });
  };
  const user_of = (name) => {
    if (!users.has(name)) users.set(name, { name, password: 'secret', roles: [], groups: [], factors: [] });
    return users.get(name);
  };
  const summary = (challenge) => {
    const { digest, ...rest } = challenge;
    const { id, code, state, user, database, listener, application, opened, expires, closed, statement, tables, labels, rules } = rest;
    return { id, code, state, user, database, listener, application, opened, expires, closed, statement, tables, labels, rules };
  };
  const full = (challenge) => {
    expire_if_due(challenge);
    const { digest, ...rest } = challenge;
    const kinds = new Set(users.get(challenge.user)?.factors.map((factor) => factor.kind));
    const proved = new Set(challenge.proofs.map((proof) => proof.factor));
    const open = challenge.state === 'pending';
    const usable = open ? ['passkey', 'totp'].filter((kind) => kinds.has(kind) && !proved.has(kind)) : [];
    return { request_reason: '', escalation: null, ...rest, you: 'requester', waits_for_others: false, server_time: now(), missing: open ? challenge.missing : [], usable_factors: usable, ways: usable.map((kind) => [kind]),
      enrol: open && usable.length === 0 ? [['passkey'], ['totp', 'pin']] : [] };
  };
  const tell = (challenge) => {
    for (const stream of streams) {
      if (stream.user === challenge.user) stream.response.write(`event: challenge\ndata: ${JSON.stringify(summary(challenge))}\n\n`);
    }
  };
  const settle = (challenge, state, extra = {}) => {
    Object.assign(challenge, { state, closed: now(), ...extra });
    record(`challenge_${state}`, challenge.user, { code: challenge.code });
    tell(challenge);
  };
  const expire_if_due = (challenge) => {
    if (challenge.state === 'pending' && Date.parse(challenge.expires) <= Date.now()) settle(challenge, 'expired');
  };

  /** Holds a statement; whatever is given replaces the sample's values. */
  function hold(given = {}) {
    const sql = given.sql ?? 'DELETE FROM customers;';
    const seconds = given.seconds ?? 300;
    const alphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
    const letters = [...randomBytes(6)].map((byte) => alphabet[byte % alphabet.length]).join('');
    const challenge = {
      id: random(16), code: `${letters.slice(0, 3)}-${letters.slice(3)}`, state: 'pending', user: 'ada', database: 'shop', listener: 'shop-pg',
      application: 'psql', opened: now(), expires: new Date(Date.now() + seconds * 1000).toISOString(), closed: null, statement: sql.slice(0, 200),
      tables: ['public.customers'], labels: ['pii'], rules: ['delete-without-where'], session: 's-000042', role: 'app', client_address: '127.0.0.1:53122',
      dialect: 'postgres', statements: [{ sql, sql_truncated: false, parameters: given.parameters ?? [], premises: [] }],
      reasons: [{ rule: 'delete-without-where', because: 'Rewrites or deletes every row' }], opaque_reasons: [], in_transaction: false, run_again: false, elevation: null,
      requirement: { level: 2, factors: [], approvers: null, approvals: 0 }, proofs: [],
      missing: ['A passkey, or two factors of different kinds.'], closed_by: '', close_reason: '', digest: random(32),
      ...given,
    };
    delete challenge.sql;
    delete challenge.seconds;
    delete challenge.parameters;
    challenges.set(challenge.id, challenge);
    record('statement', challenge.user, { action: 'challenge', text: sql, database: challenge.database, session: challenge.session });
    record('challenge_opened', challenge.user, { code: challenge.code });
    tell(challenge);
    return challenge;
  }

  const past = (one, at) => ({ at, id: one.id, code: one.code, user: one.user, listener: one.listener, database: one.database, statement: one.statement, rules: one.rules,
    labels: one.labels, opened: one.opened, outcome: one.state, closed: one.closed, by: one.closed_by, reason: one.close_reason,
    answers: one.proofs.map(({ user, factor }) => ({ user, factor, at: now() })), releases: one.state === 'consumed' ? 1 : 0 });

  function make_session(user, { strong = false, enrolment_only = false } = {}) {
    const session = { id: random(24), user: user.name, csrf: random(16), strong, enrolment_only, created: now() };
    sessions.set(session.id, session);
    return session;
  }
  const session_answer = (session) => {
    const user = users.get(session.user);
    return {
      user: user.name, groups: user.groups, roles: user.roles, csrf_token: session.csrf, enrolment_only: session.enrolment_only, strong: session.strong,
      factors: [...new Set(user.factors.map((factor) => factor.kind))], created: session.created,
      expires: new Date(Date.now() + 12 * 3600e3).toISOString(), idle_seconds: 1800,
    };
  };
  const shown_factor = ({ id, kind, name, created, last_used }) => ({ id, kind, name, created, last_used });

  function ceremony(value) {
    const id = random(16);
    ceremonies.set(id, value);
    return id;
  }
  function take_ceremony(id, status = 410, code = 'ceremony_expired') {
    const value = ceremonies.get(id);
    ceremonies.delete(id);
    if (value === undefined) throw new Refused(status, code);
    return value;
  }

  function check_client_data(response, type, challenge) {
    const data = JSON.parse(from_base64url(response.clientDataJSON).toString());
    if (data.type !== type || data.challenge !== challenge || data.origin !== origin) throw new Refused(400, 'wrong_answer');
  }
  function check_assertion(credential, challenge) {
    const found = [...users.values()].flatMap((user) => user.factors.map((factor) => ({ user, factor }))).find(({ factor }) => factor.id === credential.id);
    if (found === undefined) throw new Refused(400, 'wrong_answer');
    check_client_data(credential.response, 'webauthn.get', challenge);
    const signed = Buffer.concat([from_base64url(credential.response.authenticatorData), sha256(from_base64url(credential.response.clientDataJSON))]);
    const key = createPublicKey({ key: from_base64url(found.factor.public_key), format: 'der', type: 'spki' });
    if (!verify_signature('sha256', signed, key, from_base64url(credential.response.signature))) throw new Refused(400, 'wrong_answer');
    found.factor.last_used = now();
    return found;
  }
  const request_options = (challenge, factors) => ({
    challenge, rpId: 'localhost', timeout: 60_000, userVerification: 'required',
    allowCredentials: factors.filter((factor) => factor.kind === 'passkey').map((factor) => ({ type: 'public-key', id: factor.id })),
  });

  const own = (session, id) => {
    const challenge = challenges.get(id);
    if (challenge === undefined || challenge.user !== session.user) throw new Refused(404, 'not_found', 'not found');
    expire_if_due(challenge);
    return challenge;
  };
  const answerable = (challenge) => {
    if (challenge.state === 'expired') throw new Refused(410, 'challenge_expired');
    if (challenge.state !== 'pending') throw new Refused(409, 'challenge_closed');
  };
  function proved(challenge, factor) {
    challenge.proofs.push({ factor, user: challenge.user, reason: '' });
    record('proof_accepted', challenge.user, { factor, code: challenge.code });
    const enough = factor === 'passkey' || challenge.requirement.level === 1 || challenge.proofs.length > 1;
    if (enough) settle(challenge, 'approved');
    else tell(challenge);
    return full(challenge);
  }
  const strong = (session) => {
    const user = users.get(session.user);
    if (!session.strong && !(session.enrolment_only && user.factors.length === 0)) throw new Refused(403, 'needs_strong_session');
    return user;
  };
  const stepped_up = (session) => {
    const user = strong(session);
    if (session.stale) throw new Refused(403, 'needs_step_up');
    return user;
  };
  function check_code(user, code) {
    const factor = user.factors.find((one) => one.kind === 'totp' && one.used !== code && [-1, 0, 1].some((drift) => code_at(one.secret, Date.now() + drift * 30_000) === code));
    if (factor === undefined) return false;
    factor.used = code;
    factor.last_used = now();
    return true;
  }
  function added(session, factor, context) {
    const user = users.get(session.user);
    user.factors.push({ id: random(8), created: now(), last_used: null, ...factor });
    record('factor_enrolled', user.name, { factor: factor.kind });
    sessions.delete(session.id);
    const renewed = make_session(user, { strong: session.strong || factor.kind === 'passkey' });
    context.cookie = renewed.id;
    return [201, { factor: shown_factor(user.factors.at(-1)), session: session_answer(renewed) }];
  }
  const signed_in = (context, user, options) => {
    const session = make_session(user, options);
    context.cookie = session.id;
    record('web_sign_in', user.name, { factor: options.strong ? 'passkey' : 'totp' });
    return [200, session_answer(session)];
  };
  const admin = (session) => users.get(session.user).roles.includes('admin');
  const need_admin = (session) => { if (!admin(session)) throw new Refused(403, 'needs_role'); };
  const user_answer = ({ name, groups, roles, disabled = false, factors }) => ({ name, groups, roles, disabled, factors: [...new Set(factors.map((factor) => factor.kind))], created: now() });
  const auditor = (session) => {
    if (!users.get(session.user).roles.includes('auditor')) throw new Refused(403, 'needs_role');
  };

  const id = '([^/]+)';
  // [method, path, needs: '' | 'session' | 'any session', handler({session, body, query, context}, ...captures)]
  const routes = [
    ['GET', '/identity-providers', '', () => [200, { identity_providers: [] }]],
    ['GET', '/session', 'any', ({ session }) => [200, session_answer(session)]],
    ['DELETE', '/session', 'any', ({ session, context }) => { sessions.delete(session.id); context.cookie = ''; return [204]; }],
    ['POST', '/session/passkey/begin', '', () => {
      const challenge = random(32);
      return [200, { ceremony: ceremony({ challenge }), options: request_options(challenge, []) }];
    }],
    ['POST', '/session/passkey/finish', '', ({ body, context }) => {
      const { challenge } = take_ceremony(body.ceremony, 401, 'sign_in_failed');
      let found;
      try { found = check_assertion(body.credential, challenge); } catch { throw new Refused(401, 'sign_in_failed'); }
      return signed_in(context, found.user, { strong: true });
    }],
    ['POST', '/session/totp', '', ({ body, context }) => {
      const user = users.get(body.user);
      if (user === undefined || user.password !== body.password || !check_code(user, body.code)) throw new Refused(401, 'sign_in_failed');
      return signed_in(context, user, { strong: false });
    }],
    ['POST', '/session/enrolment', '', ({ body, context, session }) => {
      const user = users.get(enrolments.get(body.token));
      if (user === undefined) throw new Refused(401, 'enrolment_invalid');
      if (user.factors.length > 0 && !(session?.strong && session.user === user.name)) throw new Refused(403, 'enrolment_needs_sign_in');
      enrolments.delete(body.token);
      const made = make_session(user, { enrolment_only: true });
      context.cookie = made.id;
      return [200, session_answer(made)];
    }],
    ['GET', '/factors', 'any', ({ session }) => [200, { factors: users.get(session.user).factors.map(shown_factor) }]],
    ['GET', '/factors/push', 'any', () => [200, { public_key: 'BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs' }]],
    ['POST', '/factors/passkey/begin', 'any', ({ session }) => {
      const user = stepped_up(session);
      const challenge = random(32);
      return [200, { ceremony: ceremony({ challenge }), options: {
        challenge, rp: { id: 'localhost', name: 'stepgate' }, user: { id: Buffer.from(user.name).toString('base64url'), name: user.name, displayName: user.name },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }, { type: 'public-key', alg: -257 }], timeout: 60_000, attestation: 'none',
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        excludeCredentials: user.factors.filter((factor) => factor.kind === 'passkey').map((factor) => ({ type: 'public-key', id: factor.id })),
      } }];
    }],
    ['POST', '/factors/passkey/finish', 'any', ({ session, body, context }) => {
      strong(session);
      const { challenge } = take_ceremony(body.ceremony);
      check_client_data(body.credential.response, 'webauthn.create', challenge);
      return added(session, { id: body.credential.id, kind: 'passkey', name: body.name, public_key: body.credential.response.publicKey }, context);
    }],
    ['POST', '/factors/totp/begin', 'any', ({ session }) => {
      const user = stepped_up(session);
      const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
      return [200, { ceremony: ceremony({ secret }), secret, otpauth_uri: `otpauth://totp/stepgate:${user.name}?secret=${secret}&issuer=stepgate` }];
    }],
    ['POST', '/factors/totp/finish', 'any', ({ session, body, context }) => {
      const { secret } = ceremonies.get(body.ceremony) ?? take_ceremony(body.ceremony);
      if (![-1, 0, 1].some((drift) => code_at(secret, Date.now() + drift * 30_000) === body.code)) throw new Refused(400, 'wrong_code');
      ceremonies.delete(body.ceremony);
      return added(session, { kind: 'totp', name: body.name, secret }, context);
    }],
    ['DELETE', `/factors/${id}`, 'session', ({ session }, factor) => {
      const user = stepped_up(session);
      const kept = user.factors.filter((one) => one.id !== factor);
      if (kept.length === user.factors.length) throw new Refused(404, 'not_found');
      if (!kept.some((one) => one.kind === 'passkey')) throw new Refused(409, 'last_factor');
      user.factors = kept;
      return [204];
    }],
    ['GET', '/challenges', 'session', ({ session }) => {
      const mine = [...challenges.values()].filter((challenge) => challenge.user === session.user);
      mine.forEach(expire_if_due);
      return [200, { challenges: mine.map(summary).reverse() }];
    }],
    ['GET', `/challenges/${id}`, 'session', ({ session }, one) => [200, full(own(session, one))]],
    ['POST', `/challenges/${id}/passkey/begin`, 'session', ({ session }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      return [200, { options: request_options(challenge.digest, users.get(session.user).factors) }];
    }],
    ['POST', `/challenges/${id}/passkey`, 'session', ({ session, body }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      if (check_assertion(body.credential, challenge.digest).user.name !== session.user) throw new Refused(400, 'wrong_answer');
      return [200, proved(challenge, 'passkey')];
    }],
    ['POST', `/challenges/${id}/totp`, 'session', ({ session, body }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      const user = users.get(session.user);
      user.wrong ??= 0;
      if (user.wrong >= 5) throw new Refused(429, 'locked_out', 'locked out', { 'Retry-After': '300' });
      if (!check_code(user, body.code)) { user.wrong += 1; throw new Refused(400, 'wrong_answer'); }
      return [200, proved(challenge, 'totp')];
    }],
    ['POST', `/challenges/${id}/deny`, 'session', ({ session }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      settle(challenge, 'denied', { closed_by: session.user });
      return [200, full(challenge)];
    }],
    ['POST', `/challenges/${id}/withdraw`, 'session', ({ session }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      settle(challenge, 'cancelled', { closed_by: session.user });
      return [200, full(challenge)];
    }],
    ['POST', `/challenges/${id}/reason`, 'session', ({ session, body }, one) => {
      const challenge = own(session, one);
      answerable(challenge);
      challenge.request_reason = body.reason;
      return [200, full(challenge)];
    }],
    ['GET', '/history', 'session', ({ session, query }) => {
      const mine = [...challenges.values()].filter((one) => one.user === session.user || one.proofs.some((proof) => proof.user === session.user));
      const from = Number(query.get('before') ?? mine.length + 1);
      const wanted = mine.map((one, at) => past(one, at + 1)).filter((one) => one.at < from && (!query.get('outcome') || one.outcome === query.get('outcome'))).reverse();
      const page = wanted.slice(0, 50);
      return [200, { challenges: page.map(({ at, ...one }) => one), next: wanted.length > 50 ? page.at(-1).at : null }];
    }],
    ['GET', '/policy', 'session', ({ session }) => {
      if (users.get(session.user).roles.length === 0) throw new Refused(403, 'needs_role');
      return [200, { revision: 'a'.repeat(64), loaded: now(), rules }];
    }],
    ['GET', '/api-tokens', 'session', ({ session }) => [200, { tokens: tokens.filter((one) => one.user === session.user || admin(session)), scopes: ['challenges:read', 'challenges:write'] }]],
    ['POST', '/api-tokens', 'session', ({ session, body }) => {
      if (!session.strong) throw new Refused(403, 'needs_strong_session');
      const token = { id: random(8), user: session.user, name: body.name, scopes: body.scopes, created: now(), expires: new Date(Date.now() + body.days * 86_400_000).toISOString(), last_used: null, last_address: '' };
      tokens.unshift(token);
      return [201, { ...token, token: `sgt_${random(32)}` }];
    }],
    ['DELETE', `/api-tokens/${id}`, 'session', ({ session }, wanted) => {
      const at = tokens.findIndex((one) => one.id === wanted && (one.user === session.user || admin(session)));
      if (at < 0) throw new Refused(404, 'not_found');
      tokens.splice(at, 1);
      return [204];
    }],
    ['GET', '/elevations', 'session', ({ session }) => [200, { elevations: elevations.filter((one) => one.user === session.user || admin(session)) }]],
    ['DELETE', `/elevations/${id}`, 'session', ({ session }, wanted) => {
      const at = elevations.findIndex((one) => one.id === wanted && (one.user === session.user || admin(session)));
      if (at < 0) throw new Refused(404, 'not_found');
      elevations.splice(at, 1);
      return [204];
    }],
    ['GET', '/web-sessions', 'session', ({ session }) => [200, { sessions: [...sessions.values()].filter((one) => one.user === session.user).map((one) => ({
      id: sha256(one.id).toString('hex').slice(0, 32), current: one.id === session.id, strong: one.strong, created: one.created ?? now(), last_seen: now(), expires: now(),
      client_address: '192.0.2.7', browser: 'Mozilla/5.0 <b>(browser)</b>' })) }]],
    ['DELETE', '/web-sessions', 'session', ({ session, context }) => {
      for (const one of [...sessions.values()]) if (one.user === session.user) sessions.delete(one.id);
      context.cookie = '';
      return [204];
    }],
    ['DELETE', `/web-sessions/${id}`, 'session', ({ session, context }, wanted) => {
      const found = [...sessions.values()].find((one) => one.user === session.user && sha256(one.id).toString('hex').startsWith(wanted));
      if (found === undefined) throw new Refused(404, 'not_found');
      sessions.delete(found.id);
      if (found.id === session.id) context.cookie = '';
      return [204];
    }],
    ['GET', '/database-sessions', 'session', ({ session }) => [200, { sessions: database_sessions.filter((one) => one.user === session.user || admin(session)) }]],
    ['DELETE', `/database-sessions/${id}`, 'session', ({ session }, wanted) => {
      const at = database_sessions.findIndex((one) => one.id === wanted && (one.user === session.user || admin(session)));
      if (at < 0) throw new Refused(404, 'not_found');
      database_sessions.splice(at, 1);
      return [204];
    }],
    ['GET', '/database-passwords', 'session', ({ session, query }) => [200, { lifetime_seconds: 3600, long_lived: false,
      passwords: passwords.filter((one) => one.user === session.user).map(({ id, created, expires }) => ({ id, created, expires })),
      targets: [{ listener: 'shop-pg', dialect: 'postgres', host: 'db.example', port: 6432, database: 'shop', command: `psql 'host=db.example port=6432 user=${session.user} sslmode=require dbname=shop'` },
        { listener: 'shop-my', dialect: 'mysql', host: 'db.example', port: 6433, database: '', command: `mysql --host=db.example --port=6433 --user=${session.user} --password --database=${query.get('database') || 'DATABASE'}` }] }]],
    ['POST', '/database-passwords', 'session', ({ session }) => {
      if (session.stale) throw new Refused(403, session.strong ? 'needs_step_up' : 'needs_new_sign_in');
      const made = { id: random(8), created: now(), expires: new Date(Date.now() + 3600e3).toISOString() };
      passwords.push({ ...made, user: session.user });
      return [201, { ...made, password: random(32) }];
    }],
    ['DELETE', `/database-passwords/${id}`, 'session', ({ session }, wanted) => {
      const at = passwords.findIndex((one) => one.user === session.user && one.id === wanted);
      if (at < 0) throw new Refused(404, 'not_found');
      passwords.splice(at, 1);
      return [204];
    }],
    ['GET', '/users', 'session', ({ session }) => { need_admin(session); return [200, { users: [...users.values()].map(user_answer) }]; }],
    ['POST', '/users', 'session', ({ session, body }) => {
      need_admin(session);
      if (users.has(body.name)) throw new Refused(409, 'exists');
      const added = Object.assign(user_of(body.name), { groups: body.groups, roles: body.auditor ? ['auditor'] : [] });
      return [201, user_answer(added)];
    }],
    ['POST', `/users/${id}/(groups|disable|enable|enrolment)`, 'session', ({ session, body }, name, what) => {
      need_admin(session);
      const user = users.get(name);
      if (user === undefined) throw new Refused(404, 'not_found');
      if (name === session.user) throw new Refused(403, 'not_yourself');
      if (what === 'enrolment') return [201, { link: `${origin}/enrol#${random(24)}`, expires: new Date(Date.now() + 86400e3).toISOString() }];
      if (what === 'groups' && JSON.stringify(body.instead_of) !== JSON.stringify(user.groups)) throw new Refused(409, 'changed');
      if (what === 'groups') user.groups = body.groups;
      else user.disabled = what === 'disable';
      return [200, user_answer(user)];
    }],
    ['GET', '/audit/records', 'session', ({ session, query }) => {
      auditor(session);
      const limit = Math.min(Number(query.get('limit') ?? 50), page_size_guard);
      const matches = records.filter((one) => (!query.get('before') || one.sequence < Number(query.get('before')))
        && ['user', 'type', 'session', 'challenge'].every((key) => !query.get(key) || one[key] === query.get(key))
        && (!query.get('action') || one.fields.action === query.get('action'))
        && (!query.get('text') || String(one.fields.text ?? '').toLowerCase().includes(query.get('text').toLowerCase()))
        && (!query.get('from') || one.at >= query.get('from')) && (!query.get('to') || one.at <= query.get('to')));
      return [200, { records: matches.reverse().slice(0, limit) }];
    }],
    ['GET', `/audit/records/${id}`, 'session', ({ session }, sequence) => {
      auditor(session);
      const found = records[Number(sequence) - 1];
      if (found === undefined) throw new Refused(404, 'not_found');
      return [200, found];
    }],
    ['GET', '/audit/status', 'session', ({ session }) => {
      auditor(session);
      return [200, { last_sequence: records.length, indexed_sequence: records.length, last_hash: sha256('x').toString('hex'), last_checkpoint: 1, segments: 1, healthy: true }];
    }],
  ].map(([method, path, needs, handle]) => ({ method, pattern: new RegExp(`^/api/v1${path}$`), needs, handle }));

  async function read_body(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
  }
  const session_of = (request) => sessions.get(/(?:^|; )stepgate=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]);

  async function api(request, url) {
    const context = {};
    const route = routes.find(({ method, pattern }) => method === request.method && pattern.test(url.pathname));
    if (route === undefined) throw new Refused(404, 'not_found');
    if (failing.has(`${request.method} ${url.pathname}`)) throw new Refused(503, 'unavailable');
    const session = session_of(request);
    if (route.needs !== '' && session === undefined) throw new Refused(401, 'not_signed_in');
    if (request.method !== 'GET') {
      if (request.headers.origin !== origin) throw new Refused(403, 'csrf', `origin ${request.headers.origin}`);
      if (session !== undefined && route.needs !== '' && request.headers['x-csrf-token'] !== session.csrf) throw new Refused(403, 'csrf');
    }
    if (route.needs === 'session' && session.enrolment_only) throw new Refused(403, 'enrolment_only');
    const body = request.method === 'POST' ? await read_body(request) : {};
    const [status, answer] = route.handle({ session, body, query: url.searchParams, context }, ...route.pattern.exec(url.pathname).slice(1).map(decodeURIComponent));
    return { status, answer, cookie: context.cookie };
  }

  function stream(request, response) {
    const session = session_of(request);
    if (session === undefined) throw new Refused(401, 'not_signed_in');
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('event: ready\ndata: {}\n\n');
    const entry = { user: session.user, response };
    streams.add(entry);
    request.on('close', () => streams.delete(entry));
  }

  function file(url, response) {
    const path = normalize(url.pathname).replace(/^(\.\.[/\\])+/, '');
    const wanted = join(dist, path);
    const found = extname(path) !== '' && existsSync(wanted) ? wanted : extname(path) === '' ? join(dist, 'index.html') : undefined;
    if (found === undefined) { response.writeHead(404).end(); return; }
    response.writeHead(200, {
      'Content-Type': types[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache',
    });
    response.end(readFileSync(found));
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    requests.push(`${request.method} ${url.pathname}`);
    try {
      if (url.pathname === '/api/v1/events') return stream(request, response);
      if (!url.pathname.startsWith('/api/')) return file(url, response);
      const { status, answer, cookie } = await api(request, url);
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
      if (cookie !== undefined) headers['Set-Cookie'] = `stepgate=${cookie}; Path=/; HttpOnly; SameSite=Strict${cookie === '' ? '; Max-Age=0' : ''}`;
      response.writeHead(status, headers).end(answer === undefined ? undefined : JSON.stringify(answer));
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      const { status = 500, code = 'internal', message, headers = {} } = error;
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify({ error: { code, message } }));
    }
  });
  await new Promise((resolve) => { server.listen(port, 'localhost', resolve); });
  origin = `http://localhost:${server.address().port}`;

  return {
    origin, hold, elevations, database_sessions, rules, settle: (challenge, state, extra) => settle(challenge, state, extra), user: user_of, records, record, challenges, requests, failing,
    enrolment: (name) => { user_of(name); const token = random(24); enrolments.set(token, name); return `${origin}/enrol#${token}`; },
    streams: () => streams.size,
    drop_streams: () => { for (const entry of streams) entry.response.destroy(); },
    end_sessions: () => { sessions.clear(); for (const entry of streams) entry.response.end('event: end\ndata: {"reason":"session_ended"}\n\n'); },
    /** The sign-ins are a while ago. */
    age_sessions: () => { for (const session of sessions.values()) session.stale = true; },
    rotate_csrf: () => { for (const session of sessions.values()) session.csrf = random(16); },
    close: () => { for (const entry of streams) entry.response.destroy(); server.closeAllConnections(); return new Promise((resolve) => { server.close(resolve); }); },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await start({ dist: process.argv[2] ?? 'dist', port: Number(process.argv[3] ?? 0) });
  mock.user('ada').roles.push('auditor');
  mock.hold();
  mock.hold({ sql: 'SELECT name, ssn FROM customers WHERE id = $1', parameters: [{ value: '42', type: 'integer' }] });
  console.log(mock.enrolment('ada'));
}

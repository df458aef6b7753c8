import { describe, expect, it } from 'vitest';
import { Api, ApiError, type Session } from '../src/api';

const session = (over: Partial<Session> = {}): Session => ({
  user: 'ada', groups: [], roles: [], csrf_token: 'first', enrolment_only: false, strong: true, factors: ['passkey'], created: '', expires: '', idle_seconds: 1800, ...over,
});

type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'no network';

/** A server that gives these answers in order, and remembers what it was asked. */
function scripted(...answers: Answer[]) {
  const asked: { method: string; path: string; headers: Record<string, string>; body: unknown }[] = [];
  const api = new Api(async (input, init) => {
    asked.push({ method: init.method!, path: input, headers: init.headers as Record<string, string>, body: init.body ? JSON.parse(init.body as string) : undefined });
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`nothing scripted for ${input}`);
    if (answer === 'no network') throw new TypeError('failed to fetch');
    const body = answer.body === undefined ? null : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return new Response(body, { status: answer.status, headers: answer.headers ?? {} });
  });
  return { api, asked, left: answers };
}
const refusal = (status: number, code: string, headers?: Record<string, string>): Answer => ({ status, body: { error: { code, message: `${code}.` } }, headers });

describe('requests', () => {
  it('a GET carries no token, a change carries the newest', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, { status: 200, body: { state: 'denied' } });
    await api.session();
    await api.deny('abc');
    expect(asked[0]!.headers).not.toHaveProperty('X-CSRF-Token');
    expect(asked[1]).toMatchObject({ method: 'POST', path: '/api/v1/challenges/abc/deny', body: {}, headers: { 'X-CSRF-Token': 'first', 'Content-Type': 'application/json' } });
  });

  it('ids are escaped', async () => {
    const { api, asked } = scripted({ status: 204 });
    await api.remove_factor('../session?x#y');
    expect(asked[0]!.path).toBe('/api/v1/factors/..%2Fsession%3Fx%23y');
  });

  it('adding a factor brings a new session', async () => {
    const { api, asked } = scripted(
      { status: 200, body: session() }, { status: 201, body: { factor: { id: '1' }, session: session({ csrf_token: 'second' }) } }, { status: 204 });
    await api.session();
    await api.finish_totp_enrolment('c', '123456', 'phone');
    await api.sign_out();
    expect(asked[2]!.headers['X-CSRF-Token']).toBe('second');
    expect(api.session_now).toBeNull();
  });

  it('empty filters are not sent', async () => {
    const { api, asked } = scripted({ status: 200, body: { records: [] } });
    await api.audit_records({ user: '', text: 'a&b', before: 7 });
    expect(asked[0]!.path).toBe('/api/v1/audit/records?text=a%26b&before=7');
  });
});

describe('a change that needs the passkey again', () => {
  it('goes once more after it was shown, in the new session', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, refusal(403, 'needs_step_up'), { status: 200, body: session({ csrf_token: 'second' }) }, { status: 204 });
    await api.session();
    api.step_up = () => api.finish_passkey_sign_in('c', {} as never);
    await api.remove_factor('1');
    expect(asked.map(({ path, headers }) => [path, headers['X-CSRF-Token']])).toEqual([
      ['/api/v1/session', undefined], ['/api/v1/factors/1', 'first'], ['/api/v1/session/passkey/finish', 'first'], ['/api/v1/factors/1', 'second']]);
  });
  it('is not made when it was not shown', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, refusal(403, 'needs_step_up'));
    await api.session();
    api.step_up = () => Promise.reject(new Error('cancelled'));
    await expect(api.remove_factor('1')).rejects.toThrow('cancelled');
    expect(asked).toHaveLength(2);
  });
});

describe('a token that another tab has renewed', () => {
  it('is learned, and the change goes once more', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, refusal(403, 'csrf'), { status: 200, body: session({ csrf_token: 'second' }) }, { status: 200, body: {} });
    await api.session();
    await api.deny('abc');
    expect(asked.map(({ method, headers }) => [method, headers['X-CSRF-Token']])).toEqual([
      ['GET', undefined], ['POST', 'first'], ['GET', undefined], ['POST', 'second']]);
  });
  it('is tried once only', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, refusal(403, 'csrf'), { status: 200, body: session() }, refusal(403, 'csrf'));
    await api.session();
    await expect(api.deny('abc')).rejects.toMatchObject({ code: 'csrf' });
    expect(asked).toHaveLength(4);
  });
  it('is not used when somebody else signed in there', async () => {
    const { api, asked } = scripted({ status: 200, body: session() }, refusal(403, 'csrf'), { status: 200, body: session({ user: 'bob' }) });
    await api.session();
    await expect(api.deny('abc')).rejects.toMatchObject({ code: 'csrf' });
    expect(asked).toHaveLength(3);
  });
});

describe('errors', () => {
  it('the end of the session is told', async () => {
    const { api } = scripted({ status: 200, body: session() }, refusal(401, 'not_signed_in'));
    const heard: unknown[] = [];
    api.on_session = (now) => heard.push(now?.user ?? null);
    await api.session();
    await expect(api.challenges()).rejects.toBeInstanceOf(ApiError);
    expect(heard).toEqual(['ada', null]);
  });
  it('a failed sign-in is not the end of a session', async () => {
    const { api } = scripted({ status: 200, body: session() }, refusal(401, 'sign_in_failed'));
    await api.session();
    await expect(api.sign_in_with_totp('ada', 'x', '123456')).rejects.toMatchObject({ code: 'sign_in_failed', status: 401 });
    expect(api.session_now).not.toBeNull();
  });
  it.each([
    ['no network', 'no network' as Answer, { code: 'network', status: 0 }],
    ['not JSON', { status: 502, body: '<html>' } as Answer, { code: 'malformed', status: 502 }],
    ['JSON of another shape', { status: 500, body: { error: 'x' } } as Answer, { code: 'malformed', status: 500 }],
    ['null', { status: 500, body: 'null' } as Answer, { code: 'malformed', status: 500 }],
    ['with a time to wait', refusal(429, 'rate_limited', { 'Retry-After': '30' }), { code: 'rate_limited', retry_after: 30 }],
    ['with a date to wait for', refusal(429, 'rate_limited', { 'Retry-After': 'Sat, 31 Jan 2026 12:00:00 GMT' }), { code: 'rate_limited', retry_after: undefined }],
  ])('%s', async (_name, answer, expected) => {
    const { api } = scripted(answer);
    await expect(api.challenges()).rejects.toMatchObject(expected);
  });
  it('nobody signed in is not an error', async () => {
    const { api } = scripted(refusal(401, 'not_signed_in'));
    expect(await api.session()).toBeNull();
  });
});

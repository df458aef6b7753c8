import type {
  ApiTokens, AuditQuery, AuditRecord, AuditStatus, AuthenticationResponseJSON, Ceremony, Challenge, ChallengeSummary, Connect, DatabasePassword, DatabaseSession, ElevationInForce, EmailCode, EmailDelivery, EnrolmentLink, Factor, History, HistoryQuery, IdentityProvider, NewApiToken, Policy, ProviderAnswer, ProviderLogin,
  FactorAdded, PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON, RegistrationResponseJSON,
  RecoveryCodes, Session, TotpEnrolment, User, WebSession,
} from './api_types';

import { text } from './text';

export type * from './api_types';

/** What the server answered instead of what was asked for. `code` as in openapi.yaml, or "network", "malformed". */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retry_after: number | undefined = undefined,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type Method = 'GET' | 'POST' | 'DELETE';
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * The one client of /api/v1. It knows the session: the CSRF token of the newest Session answer goes with every change,
 * and `on_session` hears of each new session and of its end.
 */
export class Api {
  private current: Session | null = null;
  on_session: (session: Session | null) => void = () => {};
  on_date: (date: string | null) => void = () => {};
  /** Shows the passkey again, where a change needs that. */
  step_up: () => Promise<unknown> = () => Promise.reject(new Error('no step-up'));

  constructor(private readonly send: Fetch = (input, init) => fetch(input, init)) {}

  get session_now(): Session | null { return this.current; }

  // Session

  /** Who is signed in, or null. */
  async session(): Promise<Session | null> {
    try {
      return this.adopt(await this.request<Session>('GET', '/session'));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not_signed_in') return null;
      throw error;
    }
  }
  async sign_out(): Promise<void> {
    await this.request<void>('DELETE', '/session');
    this.forget();
  }
  /** Without a user the browser offers every passkey that it has. */
  begin_passkey_sign_in(user?: string): Promise<Ceremony<PublicKeyCredentialRequestOptionsJSON>> {
    return this.request('POST', '/session/passkey/begin', user === undefined ? {} : { user });
  }
  async finish_passkey_sign_in(ceremony: string, credential: AuthenticationResponseJSON): Promise<Session> {
    return this.adopt(await this.request<Session>('POST', '/session/passkey/finish', { ceremony, credential }));
  }
  async sign_in_with_totp(user: string, password: string, code: string): Promise<Session> {
    return this.adopt(await this.request<Session>('POST', '/session/totp', { user, password, code }));
  }
  async sign_in_with_recovery_code(user: string, password: string, code: string): Promise<Session> {
    return this.adopt(await this.request<Session>('POST', '/session/recovery-code', { user, password, code }));
  }
  async identity_providers(): Promise<IdentityProvider[]> {
    return (await this.request<{ identity_providers: IdentityProvider[] }>('GET', '/identity-providers')).identity_providers;
  }
  begin_provider_sign_in(provider: string): Promise<ProviderLogin> {
    return this.request('POST', '/session/identity-provider/begin', { provider });
  }
  async finish_provider_sign_in(ceremony: string, answer: ProviderAnswer): Promise<Session> {
    return this.adopt(await this.request<Session>('POST', '/session/identity-provider/finish', { ceremony, ...answer }));
  }
  async redeem_enrolment(token: string): Promise<Session> {
    return this.adopt(await this.request<Session>('POST', '/session/enrolment', { token }));
  }

  // Factors

  async factors(): Promise<Factor[]> {
    return (await this.request<{ factors: Factor[] }>('GET', '/factors')).factors;
  }
  begin_passkey_enrolment(): Promise<Ceremony<PublicKeyCredentialCreationOptionsJSON>> {
    return this.request('POST', '/factors/passkey/begin', {});
  }
  async finish_passkey_enrolment(ceremony: string, credential: RegistrationResponseJSON, name: string): Promise<Factor> {
    return this.added(await this.request<FactorAdded>('POST', '/factors/passkey/finish', { ceremony, name, credential }));
  }
  begin_totp_enrolment(): Promise<TotpEnrolment> {
    return this.request('POST', '/factors/totp/begin', {});
  }
  async finish_totp_enrolment(ceremony: string, code: string, name: string): Promise<Factor> {
    return this.added(await this.request<FactorAdded>('POST', '/factors/totp/finish', { ceremony, name, code }));
  }
  begin_recovery_codes(): Promise<RecoveryCodes> {
    return this.request('POST', '/factors/recovery-codes/begin', {});
  }
  async finish_recovery_codes(ceremony: string): Promise<Factor> {
    return this.added(await this.request<FactorAdded>('POST', '/factors/recovery-codes/finish', { ceremony }));
  }
  async set_pin(pin: string): Promise<Factor> {
    return this.added(await this.request<FactorAdded>('POST', '/factors/pin', { pin }));
  }
  /** What a browser needs to subscribe; null: no messages are pushed here. */
  async push_key(): Promise<string | null> {
    return (await this.request<{ public_key: string | null }>('GET', '/factors/push')).public_key;
  }
  async begin_push_enrolment(endpoint: string, p256dh: string, auth: string): Promise<string> {
    return (await this.request<{ ceremony: string }>('POST', '/factors/push/begin', { endpoint, p256dh, auth })).ceremony;
  }
  async finish_push_enrolment(ceremony: string, token: string, name: string): Promise<Factor> {
    return this.added(await this.request<FactorAdded>('POST', '/factors/push/finish', { ceremony, token, name }));
  }
  remove_factor(id: string): Promise<void> {
    return this.request('DELETE', `/factors/${encodeURIComponent(id)}`);
  }

  // Challenges

  async challenges(): Promise<ChallengeSummary[]> {
    return (await this.request<{ challenges: ChallengeSummary[] }>('GET', '/challenges')).challenges;
  }
  challenge(id: string): Promise<Challenge> {
    return this.request('GET', this.challenge_path(id));
  }
  async begin_passkey_proof(id: string): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const answer = await this.request<{ options: PublicKeyCredentialRequestOptionsJSON }>(
      'POST', `${this.challenge_path(id)}/passkey/begin`, {});
    return answer.options;
  }
  prove_with_passkey(id: string, credential: AuthenticationResponseJSON, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/passkey`, { credential, ...because(reason) });
  }
  prove_with_totp(id: string, code: string, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/totp`, { code, ...because(reason) });
  }
  prove_with_recovery_code(id: string, code: string, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/recovery-code`, { code, ...because(reason) });
  }
  prove_with_pin(id: string, pin: string, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/pin`, { pin, ...because(reason) });
  }
  begin_email_code(id: string): Promise<EmailCode> {
    return this.request('POST', `${this.challenge_path(id)}/email-code/begin`, {});
  }
  async email_delivery(id: string): Promise<EmailDelivery> {
    return (await this.request<{ delivery: EmailDelivery }>('GET', `${this.challenge_path(id)}/email-code`)).delivery;
  }
  prove_with_email_code(id: string, code: string, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/email-code`, { code, ...because(reason) });
  }
  send_push(id: string): Promise<void> {
    return this.request('POST', `${this.challenge_path(id)}/push/begin`, {});
  }
  async open_push(id: string, token: string): Promise<string[]> {
    return (await this.request<{ numbers: string[] }>('POST', `${this.challenge_path(id)}/push/open`, { token })).numbers;
  }
  prove_with_push(id: string, token: string, number: string): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/push`, { token, number });
  }
  begin_provider_proof(id: string, provider: string): Promise<ProviderLogin> {
    return this.request('POST', `${this.challenge_path(id)}/identity-provider/begin`, { provider });
  }
  prove_with_provider(id: string, ceremony: string, answer: ProviderAnswer, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/identity-provider`, { ceremony, ...answer, ...because(reason) });
  }
  deny(id: string, reason = ''): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/deny`, because(reason));
  }
  withdraw(id: string): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/withdraw`, {});
  }
  give_reason(id: string, reason: string): Promise<Challenge> {
    return this.request('POST', `${this.challenge_path(id)}/reason`, { reason });
  }

  history(query: HistoryQuery): Promise<History> {
    return this.request('GET', `/history?${parameters_of(query)}`);
  }

  // Policy (role auditor or admin)

  policy(): Promise<Policy> {
    return this.request('GET', '/policy');
  }

  // Elevations

  async elevations(): Promise<ElevationInForce[]> {
    return (await this.request<{ elevations: ElevationInForce[] }>('GET', '/elevations')).elevations;
  }
  end_elevation(id: string): Promise<void> {
    return this.request('DELETE', `/elevations/${encodeURIComponent(id)}`);
  }

  // Tokens for programs

  api_tokens(): Promise<ApiTokens> {
    return this.request('GET', '/api-tokens');
  }
  add_api_token(name: string, scopes: string[], days: number): Promise<NewApiToken> {
    return this.request('POST', '/api-tokens', { name, scopes, days });
  }
  revoke_api_token(id: string): Promise<void> {
    return this.request('DELETE', `/api-tokens/${encodeURIComponent(id)}`);
  }

  // Sessions

  async web_sessions(): Promise<WebSession[]> {
    return (await this.request<{ sessions: WebSession[] }>('GET', '/web-sessions')).sessions;
  }
  async end_web_session(session: WebSession): Promise<void> {
    await this.request<void>('DELETE', `/web-sessions/${encodeURIComponent(session.id)}`);
    if (session.current) this.forget();
  }
  async sign_out_everywhere(): Promise<void> {
    await this.request<void>('DELETE', '/web-sessions');
    this.forget();
  }
  async database_sessions(): Promise<DatabaseSession[]> {
    return (await this.request<{ sessions: DatabaseSession[] }>('GET', '/database-sessions')).sessions;
  }
  end_database_session(id: string): Promise<void> {
    return this.request('DELETE', `/database-sessions/${encodeURIComponent(id)}`);
  }

  // Connect

  /** `database`: for the lines of listeners that name none. */
  connect(database: string): Promise<Connect> {
    return this.request('GET', `/database-passwords?${parameters_of({ database })}`);
  }
  issue_database_password(): Promise<DatabasePassword & { password: string }> {
    return this.request('POST', '/database-passwords', {});
  }
  revoke_database_password(id: string): Promise<void> {
    return this.request('DELETE', `/database-passwords/${encodeURIComponent(id)}`);
  }

  // Users (role admin)

  async users(): Promise<User[]> {
    return (await this.request<{ users: User[] }>('GET', '/users')).users;
  }
  add_user(name: string, groups: string[], auditor: boolean): Promise<User> {
    return this.request('POST', '/users', { name, groups, auditor });
  }
  set_user_groups(user: User, groups: string[]): Promise<User> {
    return this.request('POST', `/users/${encodeURIComponent(user.name)}/groups`, { groups, instead_of: user.groups });
  }
  set_user_disabled(name: string, disabled: boolean): Promise<User> {
    return this.request('POST', `/users/${encodeURIComponent(name)}/${disabled ? 'disable' : 'enable'}`, {});
  }
  make_enrolment_link(name: string): Promise<EnrolmentLink> {
    return this.request('POST', `/users/${encodeURIComponent(name)}/enrolment`, {});
  }

  // Audit

  async audit_records(query: AuditQuery): Promise<AuditRecord[]> {
    const answer = await this.request<{ records: AuditRecord[] }>('GET', `/audit/records?${parameters_of(query)}`);
    return answer.records;
  }
  audit_record(sequence: number): Promise<AuditRecord> {
    return this.request('GET', `/audit/records/${sequence}`);
  }
  audit_status(): Promise<AuditStatus> {
    return this.request('GET', '/audit/status');
  }

  private challenge_path(id: string): string { return `/challenges/${encodeURIComponent(id)}`; }

  private added(answer: FactorAdded): Factor {
    this.adopt(answer.session);
    return answer.factor;
  }

  private adopt(session: Session): Session {
    this.current = session;
    this.on_session(session);
    return session;
  }

  private forget(): void {
    this.current = null;
    this.on_session(null);
  }

  private async request<T>(method: Method, path: string, body?: unknown): Promise<T> {
    try {
      return await this.once<T>(method, path, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'not_signed_in') this.forget();
      if (error.code === 'needs_step_up') {
        await this.step_up();
        return this.once<T>(method, path, body);
      }
      if (error.code !== 'csrf' || method === 'GET') throw error;
      return this.again<T>(method, path, body, error);
    }
  }

  /** Another tab may have renewed the session: learn its token and try once more, unless somebody else signed in there. */
  private async again<T>(method: Method, path: string, body: unknown, first: ApiError): Promise<T> {
    const before = this.current?.user;
    const session = await this.session();
    if (session === null || session.user !== before) throw first;
    return this.once<T>(method, path, body);
  }

  private async once<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (method !== 'GET' && this.current !== null) headers['X-CSRF-Token'] = this.current.csrf_token;
    const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' };
    if (body !== undefined) init.body = JSON.stringify(body);

    let response: Response;
    try {
      response = await this.send(`/api/v1${path}`, init);
    } catch {
      throw new ApiError(0, 'network', text.errors.codes.network!);
    }
    this.on_date(response.headers.get('Date'));
    if (response.status === 204) return undefined as T;
    return read_answer<T>(response);
  }
}

function parameters_of(query: object): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(key, String(value));
  }
  return parameters;
}

const because = (reason: string) => (reason === '' ? {} : { reason });

async function read_answer<T>(response: Response): Promise<T> {
  let answer: unknown;
  try {
    answer = await response.json();
  } catch {
    throw new ApiError(response.status, 'malformed', text.errors.malformed(response.status));
  }
  if (response.ok) return answer as T;
  const error = (answer as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  throw new ApiError(
    response.status,
    typeof error?.code === 'string' ? error.code : 'malformed',
    typeof error?.message === 'string' ? error.message : text.errors.status(response.status),
    seconds_of(response.headers.get('Retry-After')),
  );
}

function seconds_of(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

export const api = new Api();

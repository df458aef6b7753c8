// The schemas of challenge-web/api/openapi.yaml, by hand, under the names they have there.
import type {
  AuthenticationResponseJSON, PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/browser';

export type {
  AuthenticationResponseJSON, PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
};

export type FactorKind = 'passkey' | 'totp' | 'push' | 'pin' | 'identity_provider' | 'email_code' | 'recovery_code';
export type Role = 'auditor' | 'admin';

export interface Session {
  user: string;
  groups: string[];
  roles: Role[];
  csrf_token: string;
  enrolment_only: boolean;
  strong: boolean;
  factors: FactorKind[];
  created: string;
  expires: string;
  idle_seconds: number;
}

export interface Factor {
  id: string;
  kind: FactorKind;
  name: string;
  created: string;
  last_used?: string | null;
  browser?: string;
}

export interface FactorAdded {
  factor: Factor;
  session: Session;
}

export interface Ceremony<Options> {
  ceremony: string;
  options: Options;
}

export interface TotpEnrolment {
  ceremony: string;
  secret: string;
  otpauth_uri: string;
}

export interface RecoveryCodes {
  ceremony: string;
  codes: string[];
}

export interface EmailCode {
  to: string;
  digits: number;
}
export type EmailDelivery = 'none' | 'sending' | 'sent' | 'failed';

export interface IdentityProvider {
  name: string;
  sign_in: boolean;
}
export interface ProviderLogin {
  ceremony: string;
  url: string;
}
export interface ProviderAnswer {
  state: string;
  code: string;
  iss: string;
}

export type State = 'pending' | 'approved' | 'consumed' | 'denied' | 'expired' | 'cancelled';

export interface ChallengeSummary {
  id: string;
  code: string;
  state: State;
  user: string;
  database: string;
  listener: string;
  application?: string;
  opened: string;
  expires: string;
  closed?: string | null;
  statement: string;
  tables: string[];
  labels: string[];
  rules: string[];
}

export interface Parameter {
  value: string | null;
  type: string;
}

export interface Statement {
  sql: string;
  sql_truncated: boolean;
  parameters: Parameter[];
  premises: Premise[];
}

/** Something of the session without which the text would mean something else. */
export interface Premise {
  name: string;
  value: string;
}

export interface Elevation {
  seconds: number;
  scope: 'statement' | 'session' | 'user_address' | 'label';
  count: number | null;
}

export interface ApiToken {
  id: string;
  user: string;
  name: string;
  scopes: string[];
  created: string;
  expires: string;
  last_used: string | null;
  last_address: string;
}

/** The token itself is shown once. */
export type NewApiToken = ApiToken & { token: string };

export interface ApiTokens {
  tokens: ApiToken[];
  scopes: string[];
}

export interface ElevationInForce {
  id: string;
  user: string;
  scope: Elevation['scope'];
  granted: string;
  expires: string;
  left: number | null;
  listener: string;
  database: string;
  role: string;
  client_address: string;
  session: string;
  rules: string[];
  labels: string[];
}

export interface WebSession {
  id: string;
  current: boolean;
  strong: boolean;
  created: string;
  last_seen: string;
  expires: string;
  client_address: string;
  browser: string;
}

export interface DatabaseSession {
  id: string;
  user: string;
  listener: string;
  dialect: 'postgres' | 'mysql' | 'mariadb';
  database: string;
  role: string;
  client_address: string;
  application: string;
  started: string;
  held: string | null;
}

export interface DatabasePassword {
  id: string;
  created: string;
  expires: string;
}

export interface ConnectTarget {
  listener: string;
  dialect: 'postgres' | 'mysql';
  host: string;
  port: number;
  database: string;
  command: string;
}

export interface Connect {
  passwords: DatabasePassword[];
  targets: ConnectTarget[];
  lifetime_seconds: number;
  long_lived: boolean;
}

export interface User {
  name: string;
  groups: string[];
  roles: Role[];
  disabled: boolean;
  factors: FactorKind[];
  created: string;
}

export interface EnrolmentLink {
  link: string;
  expires: string;
}

export interface Impact {
  rows: number | null;
  tables: string[];
  cascades: string[];
  locks: string[];
  problem: string;
}

export interface Challenge extends ChallengeSummary {
  session: string;
  role: string;
  client_address: string;
  dialect: 'postgres' | 'mysql' | 'mariadb';
  statements: Statement[];
  reasons: { rule: string; because: string }[];
  opaque_reasons: string[];
  in_transaction: boolean;
  run_again: boolean;
  impact?: Impact | null;
  elevation?: Elevation | null;
  requirement: { level: number; factors: string[]; approvers?: string | null; approvals: number };
  proofs: { factor: string; user: string; reason: string }[];
  request_reason: string;
  escalation?: { group: string; at: string; happened: boolean } | null;
  missing: string[];
  usable_factors: FactorKind[];
  ways: FactorKind[][];
  enrol: FactorKind[][];
  you: 'requester' | 'approver';
  waits_for_others: boolean;
  closed_by: string;
  close_reason: string;
  server_time: string;
}

export type FieldValue = string | number | boolean | null | string[];

export interface AuditRecord {
  sequence: number;
  at: string;
  type: string;
  session: string;
  user: string;
  fields: Record<string, FieldValue>;
  hash?: string;
}

export interface PastChallenge {
  id: string;
  code: string;
  user: string;
  listener: string;
  database: string;
  statement: string;
  rules: string[];
  labels: string[];
  opened: string;
  outcome: State;
  closed: string | null;
  by: string;
  reason: string;
  answers: { user: string; factor: string; at: string }[];
  releases: number;
}

export interface History {
  challenges: PastChallenge[];
  next: number | null;
}

export interface HistoryQuery {
  outcome?: State | undefined;
  before?: number | undefined;
}

export interface RuleCounts {
  matched: number;
  held: number;
  approved: number;
  denied: number;
  expired: number;
}

export interface RuleInForce {
  id: string;
  because: string;
  file: string | null;
  line: number | null;
  action: 'allow' | 'notify' | 'challenge' | 'deny';
  challenge: {
    level: number;
    factors: string[];
    approvals: number;
    approvers: string | null;
    escalate: { after: number; group: string } | null;
    elevation: Elevation | null;
  } | null;
  day: RuleCounts;
  week: RuleCounts;
  last: string | null;
}

export interface Policy {
  revision: string;
  loaded: string;
  rules: RuleInForce[];
}

export interface AuditStatus {
  last_sequence: number;
  indexed_sequence: number;
  last_hash?: string;
  last_checkpoint?: number;
  segments?: number;
  healthy: boolean;
}

export interface AuditQuery {
  user?: string;
  session?: string;
  type?: string;
  action?: string;
  label?: string;
  rule?: string;
  table?: string;
  text?: string;
  challenge?: string;
  from?: string;
  to?: string;
  before?: number;
  limit?: number;
}

import type { AuditQuery, AuditRecord, FieldValue } from './api';
import { text } from './text';

const filter_keys = ['text', 'user', 'type', 'action', 'label', 'rule', 'table', 'session', 'challenge'] as const;
export type FilterKey = (typeof filter_keys)[number];

/** Filters as the page's address has them; dates as the date-time inputs give them, in local time. */
export type Filters = Partial<Record<FilterKey | 'from' | 'to', string>>;

export function filters_of(query: string): Filters {
  const parameters = new URLSearchParams(query);
  const filters: Filters = {};
  for (const key of [...filter_keys, 'from', 'to'] as const) {
    const value = parameters.get(key)?.trim();
    if (value) filters[key] = value;
  }
  return filters;
}

export function address_of(filters: Filters): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(filters)) if (value) parameters.set(key, value);
  const query = parameters.toString();
  return query === '' ? '/audit' : `/audit?${query}`;
}

/** What to ask the server: local times become UTC; a time that cannot be read is left out. */
export function query_of(filters: Filters, before?: number, limit = 50): AuditQuery {
  const query: AuditQuery = { limit };
  for (const key of filter_keys) if (filters[key]) query[key] = filters[key];
  for (const key of ['from', 'to'] as const) {
    const at = filters[key] === undefined ? Number.NaN : Date.parse(filters[key]);
    if (!Number.isNaN(at)) query[key] = new Date(at).toISOString();
  }
  if (before !== undefined) query.before = before;
  return query;
}

/** What a field is worth in one line; the most telling fields first. */
const telling = ['action', 'change', 'proof_user', 'text', 'sqlstate', 'rows', 'reason', 'why', 'detail', 'factor', 'code', 'address', 'client_address', 'database', 'by', 'query'];

export function field_text(value: FieldValue): string {
  if (Array.isArray(value)) return value.join(', ');
  return value === null ? '' : String(value);
}

export function summary(record: AuditRecord): string {
  const parts: string[] = [];
  for (const key of telling) {
    const value = record.fields[key];
    const shown = value === undefined ? '' : field_text(value).replace(/\s+/g, ' ').trim();
    if (shown !== '') parts.push(key === 'rows' ? text.audit.rows(shown) : key === 'proof_user' ? text.audit.answered_by(shown) : shown);
    if (parts.length === 3) break;
  }
  const line = parts.join(' · ');
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

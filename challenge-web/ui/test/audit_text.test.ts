import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../src/api';
import { address_of, filters_of, query_of, summary } from '../src/audit_text';

describe('filters', () => {
  it('go into the address and come back', () => {
    const filters = { text: "a & b = 'c'", user: 'ada', from: '2026-01-31T12:00' };
    expect(filters_of(address_of(filters).split('?')[1]!)).toEqual(filters);
  });
  it('unknown and empty ones are dropped', () => expect(filters_of('?user=&limit=9999&x=y')).toEqual({}));
  it('no filter, plain address', () => expect(address_of({})).toBe('/audit'));
  it('local times become UTC, broken ones are left out', () => {
    const query = query_of({ from: '2026-01-31T12:00', to: 'nonsense' }, 7);
    expect(query).toEqual({ limit: 50, before: 7, from: new Date('2026-01-31T12:00').toISOString() });
  });
});

const record = (fields: AuditRecord['fields']): AuditRecord => ({ sequence: 1, at: '', type: 'statement', session: '', user: '', fields });

describe('summary', () => {
  it.each([
    ['nothing known', { other: 'x' }, ''],
    ['most telling first', { text: 'SELECT\n  1', action: 'allow' }, 'allow · SELECT 1'],
    ['rows', { rows: 3, sqlstate: '00000' }, '00000 · 3 rows'],
    ['empty values are passed over', { action: '', text: 'x' }, 'x'],
    ['what changed of a user', { by: 'command line', change: 'enrolment link', changed_at: 'x' }, 'enrolment link · command line'],
    ['who answered, which may be another than asked', { proof_user: 'bob', factor: 'passkey', reason: 'checked' }, 'answered by bob · checked · passkey'],
    ['of a release no numbers', { number: 19, statements: ['2'], database: 'shop' }, 'shop'],
    ['at most three', { action: 'a', text: 'b', reason: 'c', detail: 'd' }, 'a · b · c'],
  ])('%s', (_name, fields, expected) => expect(summary(record(fields as AuditRecord['fields']))).toBe(expected));
  it('is short', () => expect(summary(record({ text: 'x'.repeat(5000) }))).toHaveLength(200));
});

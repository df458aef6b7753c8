import { describe, expect, it } from 'vitest';
import { parse, safe_return, sign_in_address } from '../src/router';

describe('parse', () => {
  it.each([
    ['/', { page: 'home' }], ['/sign-in', { page: 'sign_in' }], ['/enrol', { page: 'enrol' }], ['/inbox', { page: 'inbox' }], ['/inbox/', { page: 'inbox' }],
    ['/c/aZ0_-9', { page: 'challenge', id: 'aZ0_-9' }], ['/c/', { page: 'not_found' }], ['/c/../x', { page: 'not_found' }], ['/c/a%2fb', { page: 'not_found' }],
    ['/audit', { page: 'audit' }], ['/audit/12', { page: 'audit_record', sequence: 12 }], ['/audit/x', { page: 'not_found' }],
    ['/factors', { page: 'factors' }], ['/history', { page: 'history' }], ['/policy', { page: 'policy' }], ['/factors/1', { page: 'not_found' }], ['/else', { page: 'not_found' }],
  ])('%s', (path, route) => expect(parse(path)).toEqual(route));
});

describe('safe_return', () => {
  it.each([
    ['a page', '/c/abc', '/c/abc'], ['with a query', '/audit?user=ada&from=2026-01-31T12%3A00', '/audit?user=ada&from=2026-01-31T12%3A00'],
    ['nothing', null, '/inbox'], ['another origin', 'https://evil.example/', '/inbox'], ['protocol-relative', '//evil.example', '/inbox'],
    ['backslash', '/\\evil.example', '/inbox'], ['script', 'javascript:alert(1)', '/inbox'], ['control character', '/\tx', '/inbox'],
    ['sign-in itself', '/sign-in?return=/sign-in', '/inbox'],
  ])('%s', (_name, to, expected) => expect(safe_return(to)).toBe(expected));
});

it('remembers where the user was', () => {
  expect(sign_in_address('/inbox')).toBe('/sign-in');
  expect(safe_return(new URLSearchParams(sign_in_address('/c/abc').split('?')[1]).get('return'))).toBe('/c/abc');
});

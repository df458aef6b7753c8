import { describe, expect, it } from 'vitest';
import type { ChallengeSummary, State } from '../src/api';
import { is_pending, merge } from '../src/inbox';

const at = Date.parse('2026-01-31T12:00:00.000Z');
const challenge = (id: string, state: State, opened = '2026-01-31T11:59:00.000Z'): ChallengeSummary => ({
  id, code: 'KX4-7PM', state, user: 'ada', database: 'shop', listener: 'shop-pg', opened, expires: '2026-01-31T12:04:00.000Z', statement: '', tables: [], labels: [], rules: [],
});

describe('merge', () => {
  it('adds and sorts, newest first', () => {
    const merged = merge([challenge('a', 'pending')], [challenge('b', 'pending', '2026-01-31T11:59:30.000Z')]);
    expect(merged.map(({ id }) => id)).toEqual(['b', 'a']);
  });
  it.each<[State, State, State]>([
    ['pending', 'approved', 'approved'], ['approved', 'consumed', 'consumed'], ['pending', 'denied', 'denied'],
    ['denied', 'pending', 'denied'], ['consumed', 'approved', 'consumed'], ['expired', 'pending', 'expired'],
  ])('%s then %s is %s', (known, news, expected) => {
    expect(merge([challenge('a', known)], [challenge('a', news)])[0]!.state).toBe(expected);
  });
});

it('a pending challenge whose time is up is not waiting any more', () => {
  expect(is_pending(challenge('a', 'pending'), at)).toBe(true);
  expect(is_pending(challenge('a', 'pending'), at + 300_000)).toBe(false);
  expect(is_pending(challenge('a', 'approved'), at)).toBe(false);
});

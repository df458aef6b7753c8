import { describe, expect, it } from 'vitest';
import { ServerClock, ago, clock, seconds_left, spoken_moment } from '../src/time';

const at = Date.parse('2026-01-31T12:00:00.000Z');

describe('seconds_left', () => {
  it.each([
    ['in the future', '2026-01-31T12:05:00.000Z', 300],
    ['a started second counts', '2026-01-31T12:00:00.001Z', 1],
    ['now', '2026-01-31T12:00:00.000Z', 0],
    ['past', '2026-01-31T11:00:00.000Z', 0],
    ['not a time', 'soon', 0],
  ])('%s', (_name, expires, left) => expect(seconds_left(expires, at)).toBe(left));
});

describe('clock', () => {
  it.each([[0, '0:00'], [5, '0:05'], [65, '1:05'], [600, '10:00'], [3723, '1:02:03'], [-4, '0:00']])('%i', (seconds, shown) => {
    expect(clock(seconds)).toBe(shown);
  });
});

describe('ago', () => {
  it.each([
    ['2026-01-31T11:59:40.000Z', 'just now'], ['2026-01-31T11:59:10.000Z', '1 min ago'], ['2026-01-31T11:30:00.000Z', '30 min ago'],
    ['2026-01-31T09:00:00.000Z', '3 h ago'], ['2026-01-31T12:00:30.000Z', 'just now'], ['never', 'never'],
  ])('%s', (iso, shown) => expect(ago(iso, at)).toBe(shown));
});

it('speaks only at round moments', () => {
  expect(Array.from({ length: 301 }, (_, left) => left).filter(spoken_moment)).toEqual([0, 10, 30, 60]);
});

describe('ServerClock', () => {
  it('follows the server when this clock is wrong', () => {
    const there = new ServerClock();
    there.learn('2026-01-31T12:00:00.000Z', at - 3_600_000);
    expect(Math.abs(there.now(at - 3_600_000) - at)).toBeLessThan(1000);
    expect(there.apart).toBe(3601);
  });
  it('does not jump for less than two seconds', () => {
    const there = new ServerClock();
    there.learn('Sat, 31 Jan 2026 12:00:01 GMT', at);
    expect(there.now(at)).toBe(at);
  });
  it('ignores what is not a time', () => {
    const there = new ServerClock();
    there.learn(null, at);
    there.learn('x', at);
    expect(there.now(at)).toBe(at);
  });
});

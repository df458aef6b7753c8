import { describe, expect, it } from 'vitest';
import { ApiError } from '../src/api';
import { explain } from '../src/passkey';
import { server_clock } from '../src/session';

describe('a refused code', () => {
  const refused = new ApiError(400, 'wrong_answer', '');
  const here = Date.parse('2026-01-31T12:00:00.000Z');

  it.each([
    ['clocks agree', '2026-01-31T12:00:20.000Z', refused, ''],
    ['the server is ahead', '2026-01-31T12:07:00.000Z', refused, '7 minutes apart'],
    ['the server is behind', '2026-01-31T11:58:50.000Z', refused, '70 seconds apart'],
    ['no code was asked for', '2026-01-31T12:07:00.000Z', new ApiError(403, 'not_allowed', ''), ''],
  ])('%s', (_name, there, error, says) => {
    server_clock.learn(there, here);
    if (says === '') expect(explain(error)).not.toContain('apart');
    else expect(explain(error)).toContain(says);
  });
});

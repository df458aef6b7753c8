import { describe, expect, it } from 'vitest';
import { forget_token, take_token, token_for } from '../src/push';

describe('the token of a message', () => {
  it('leaves the address of its challenge', () => {
    expect(take_token('/c/AbC-1', '#push=t0k-en_')).toBe('/c/AbC-1');
    expect(token_for('AbC-1')).toBe('t0k-en_');
    expect(token_for('other')).toBeUndefined();
    forget_token('AbC-1');
    expect(token_for('AbC-1')).toBeUndefined();
  });
  it.each([
    ['/c/one', ''], ['/c/one', '#push='], ['/c/one', '#push=a b'], ['/c/one', '#other=x'], ['/c/one', `#push=${'x'.repeat(65)}`],
    ['/inbox', '#push=token'], ['/c/one/two', '#push=token'], ['/c/', '#push=token'],
  ])('is not read from %s%s', (path, hash) => {
    expect(take_token(path, hash)).toBeUndefined();
    expect(token_for('one')).toBeUndefined();
  });
});

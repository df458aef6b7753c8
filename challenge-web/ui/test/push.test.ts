import { afterEach, describe, expect, it, vi } from 'vitest';
import { fingerprint, forget_push, forget_token, take_token, token_for } from '../src/push';

describe('the fingerprint of a subscription', () => {
  it('is the one that the server writes', async () => {
    expect(await fingerprint('https://push.example/alice')).toBe('3Lxtq0zuQYD6jxt6nafwJjsqb76GL1MvtItTrV7DOfY');
  });
});

describe('removing a factor', () => {
  const subscribed_to = (endpoint: string) => {
    const subscription = { endpoint, unsubscribe: vi.fn(async () => true) };
    vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => ({ pushManager: { getSubscription: async () => subscription } }) } });
    vi.stubGlobal('window', { PushManager: {}, Notification: {} });
    return subscription.unsubscribe;
  };
  afterEach(() => vi.unstubAllGlobals());
  const factor = { id: '1', kind: 'push' as const, name: 'Phone', created: '' };
  it.each([['this browser', 'https://push.example/alice', 1], ['another browser', 'https://push.example/bob', 0]])('of %s', async (_, endpoint, times) => {
    const unsubscribe = subscribed_to('https://push.example/alice');
    await forget_push({ ...factor, browser: await fingerprint(endpoint) });
    expect(unsubscribe).toHaveBeenCalledTimes(times);
  });
  it('of another kind', async () => {
    const unsubscribe = subscribed_to('https://push.example/alice');
    await forget_push({ ...factor, kind: 'pin' });
    expect(unsubscribe).not.toHaveBeenCalled();
  });
});

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

import { describe, expect, it } from 'vitest';
import { Live, type LiveEvent, type Surroundings } from '../src/live';

/** A browser with any number of tabs: one lock, one channel, a clock that moves by hand. */
class Browser {
  sources: { listeners: Map<string, (event: MessageEvent<string>) => void>; readyState: number; closed: boolean }[] = [];
  private channels = new Set<{ onmessage: ((event: MessageEvent) => void) | null }>();
  private waiting: (() => void)[] = [];
  private held = false;
  private timers: { milliseconds: number; action: () => void }[] = [];
  signed_in: boolean | 'unreachable' = true;
  delays: number[] = [];

  tab(): Surroundings {
    return {
      open: () => {
        const source = { listeners: new Map<string, (event: MessageEvent<string>) => void>(), readyState: 1, closed: false };
        this.sources.push(source);
        return {
          addEventListener: (type, listener) => { source.listeners.set(type, listener); },
          close: () => { source.closed = true; },
          get readyState() { return source.readyState; },
        };
      },
      channel: () => {
        const me = {
          onmessage: null as ((event: MessageEvent) => void) | null,
          postMessage: (message: unknown) => {
            for (const other of this.channels) if (other !== me) other.onmessage?.({ data: structuredClone(message) } as MessageEvent);
          },
          close: () => { this.channels.delete(me); },
        };
        this.channels.add(me);
        return me;
      },
      elect: (_name, signal, lead) => new Promise((resolve) => {
        const take = () => {
          if (signal.aborted) return resolve();
          this.held = true;
          void lead().then(() => { this.held = false; this.waiting.shift()?.(); resolve(); });
        };
        if (this.held) this.waiting.push(take);
        else take();
      }),
      later: (milliseconds, action) => {
        const timer = { milliseconds, action };
        this.timers.push(timer);
        this.delays.push(milliseconds);
        return () => { this.timers = this.timers.filter((other) => other !== timer); };
      },
      still_signed_in: async () => {
        if (this.signed_in === 'unreachable') throw new Error('unreachable');
        return this.signed_in;
      },
    };
  }
  say(type: string, data: unknown = {}, source = this.sources.at(-1)!) { source.listeners.get(type)?.({ data: typeof data === 'string' ? data : JSON.stringify(data) } as MessageEvent<string>); }
  fail() { this.sources.at(-1)!.readyState = 2; this.say('error'); }
  async elapse() {
    const due = this.timers;
    this.timers = [];
    for (const { action } of due) action();
    await new Promise((resolve) => { setTimeout(resolve, 0); });
  }
}

function listen(live: Live): LiveEvent[] {
  const heard: LiveEvent[] = [];
  live.subscribe((event) => heard.push(event));
  return heard;
}
const kinds = (events: LiveEvent[]) => events.map(({ kind }) => kind);

describe('one stream for all tabs', () => {
  it('the first tab opens it and the others hear', () => {
    const browser = new Browser();
    const [first, second] = [new Live('ada', browser.tab()), new Live('ada', browser.tab())];
    const [here, there] = [listen(first), listen(second)];
    browser.say('ready');
    browser.say('challenge', { id: 'x' });
    expect(browser.sources).toHaveLength(1);
    expect(kinds(here)).toEqual(['connected', 'ready', 'challenge']);
    expect(there).toEqual(here);
  });

  it('a tab that comes later learns whether it is connected', () => {
    const browser = new Browser();
    new Live('ada', browser.tab());
    browser.say('ready');
    expect(new Live('ada', browser.tab()).connected).toBe(true);
  });

  it('when the first tab goes, the next one takes over', async () => {
    const browser = new Browser();
    const [first, second] = [new Live('ada', browser.tab()), new Live('ada', browser.tab())];
    const heard = listen(second);
    first.close();
    await browser.elapse();
    expect(browser.sources.map(({ closed }) => closed)).toEqual([true, false]);
    browser.say('ready');
    expect(kinds(heard)).toContain('ready');
  });
});

describe('a stream that ends', () => {
  it('is opened again, each time later, and soon again after it worked', async () => {
    const browser = new Browser();
    new Live('ada', browser.tab());
    for (let times = 0; times < 7; times += 1) { browser.fail(); await browser.elapse(); }
    browser.say('ready');
    browser.fail();
    expect(browser.delays).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 1000]);
  });

  it('is opened again after the server has said goodbye', async () => {
    const browser = new Browser();
    const heard = listen(new Live('ada', browser.tab()));
    browser.say('ready');
    browser.say('end', { reason: 'shutdown' });
    await browser.elapse();
    expect(browser.sources.map(({ closed }) => closed)).toEqual([true, false]);
    expect(heard.at(-1)).toEqual({ kind: 'connected', connected: false });
  });

  it('stays closed when nobody is signed in', async () => {
    const browser = new Browser();
    new Live('ada', browser.tab());
    browser.signed_in = false;
    browser.fail();
    await browser.elapse();
    await browser.elapse();
    expect(browser.sources).toHaveLength(1);
  });

  it('is tried again while the server cannot be asked', async () => {
    const browser = new Browser();
    new Live('ada', browser.tab());
    browser.signed_in = 'unreachable';
    browser.fail();
    await browser.elapse();
    browser.signed_in = true;
    await browser.elapse();
    expect(browser.sources).toHaveLength(2);
  });

  it('is left to the browser while that tries by itself', async () => {
    const browser = new Browser();
    const heard = listen(new Live('ada', browser.tab()));
    browser.sources[0]!.readyState = 0;
    browser.say('error');
    await browser.elapse();
    expect(browser.sources).toHaveLength(1);
    expect(heard).toEqual([{ kind: 'connected', connected: false }]);
  });
});

it('data that is not JSON is passed over', () => {
  const browser = new Browser();
  const heard = listen(new Live('ada', browser.tab()));
  browser.say('challenge', '{broken');
  expect(heard).toEqual([]);
});

import { api, type ChallengeSummary } from './api';

/** What the stream says. `ready`: it has (re)started, so what was read before may be old. */
export type LiveEvent =
  | { kind: 'ready' }
  | { kind: 'challenge'; challenge: ChallengeSummary }
  | { kind: 'connected'; connected: boolean };

export type Listener = (event: LiveEvent) => void;

interface Source {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
  readonly readyState: number;
}

/** What the stream needs from the browser; tests give their own. */
export interface Surroundings {
  open(url: string): Source;
  channel(name: string): { postMessage(message: unknown): void; onmessage: ((event: MessageEvent) => void) | null; close(): void };
  /** Calls `lead` when this tab is the one that holds the stream, until the promise it gave settles. */
  elect(name: string, signal: AbortSignal, lead: () => Promise<void>): Promise<void>;
  later(milliseconds: number, action: () => void): () => void;
  /** True while somebody is signed in: asks the server. */
  still_signed_in(): Promise<boolean>;
}

const closed_state = 2; // EventSource.CLOSED
const first_delay = 1_000;
const longest_delay = 30_000;

/**
 * One stream of events for all tabs of the user in this browser. Over HTTP/1.1 a browser opens about six connections to
 * an origin, so a stream a tab would starve the pages: a Web Lock elects the tab that holds the stream, and a
 * BroadcastChannel tells the others. When that tab closes, the lock passes on and the next one opens a stream.
 */
export class Live {
  private readonly listeners = new Set<Listener>();
  private readonly stop = new AbortController();
  private readonly channel;
  private source: Source | undefined;
  private cancel_retry: () => void = () => {};
  private delay = first_delay;
  leading = false; // this tab holds the stream
  connected = false;

  constructor(user: string, private readonly around: Surroundings) {
    const name = `stepgate-events-${user}`;
    this.channel = around.channel(name);
    this.channel.onmessage = (event: MessageEvent) => this.heard(event.data as LiveEvent | { kind: 'hello' });
    void around.elect(name, this.stop.signal, () => this.lead());
    this.channel.postMessage({ kind: 'hello' });
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  close(): void {
    this.stop.abort();
    this.cancel_retry();
    this.source?.close();
    this.channel.close();
    this.listeners.clear();
  }

  private heard(event: LiveEvent | { kind: 'hello' }): void {
    if (event.kind !== 'hello') this.tell(event);
    else if (this.leading) this.channel.postMessage({ kind: 'connected', connected: this.connected });
  }

  private tell(event: LiveEvent): void {
    if (event.kind === 'connected') this.connected = event.connected;
    for (const listener of [...this.listeners]) listener(event);
  }

  private publish(event: LiveEvent): void {
    if (this.stop.signal.aborted) return;
    this.channel.postMessage(event);
    this.tell(event);
  }

  private lead(): Promise<void> {
    this.leading = true;
    this.connect();
    return new Promise((resolve) => {
      if (this.stop.signal.aborted) resolve();
      this.stop.signal.addEventListener('abort', () => resolve());
    });
  }

  private connect(): void {
    if (this.stop.signal.aborted) return;
    const source = this.around.open('/api/v1/events');
    this.source = source;
    source.addEventListener('ready', () => {
      this.delay = first_delay;
      this.publish({ kind: 'connected', connected: true });
      this.publish({ kind: 'ready' });
    });
    source.addEventListener('challenge', (event) => {
      const challenge = read<ChallengeSummary>(event.data);
      if (challenge !== undefined) this.publish({ kind: 'challenge', challenge });
    });
    source.addEventListener('end', () => {
      source.close();
      this.retry();
    });
    source.addEventListener('error', () => {
      // The browser tries again by itself unless the answer was an error; then it is ours to do.
      this.publish({ kind: 'connected', connected: false });
      if (source.readyState === closed_state) this.retry();
    });
  }

  private retry(): void {
    this.publish({ kind: 'connected', connected: false });
    this.cancel_retry();
    this.cancel_retry = this.around.later(this.delay, () => void this.connect_if_signed_in());
    this.delay = Math.min(this.delay * 2, longest_delay);
  }

  private async connect_if_signed_in(): Promise<void> {
    let signed_in = true;
    try {
      signed_in = await this.around.still_signed_in();
    } catch {
      this.retry(); // the server cannot be asked now
      return;
    }
    if (signed_in) this.connect();
  }
}

function read<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T;
  } catch {
    return undefined;
  }
}

const browser: Surroundings = {
  open: (url) => new EventSource(url),
  channel: (name) => typeof BroadcastChannel === 'undefined'
    ? { postMessage: () => {}, onmessage: null, close: () => {} }
    : new BroadcastChannel(name),
  elect: async (name, signal, lead) => {
    if (!navigator.locks) return lead();
    try {
      await navigator.locks.request(name, { signal }, lead);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
  later: (milliseconds, action) => {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
  still_signed_in: async () => (await api.session()) !== null,
};

let current: { user: string; live: Live } | undefined;

/** The stream of this user; the one before, of another user, ends. */
export function live_of(user: string): Live {
  if (current?.user !== user) {
    current?.live.close();
    current = { user, live: new Live(user, browser) };
  }
  return current.live;
}

export function end_live(): void {
  current?.live.close();
  current = undefined;
}

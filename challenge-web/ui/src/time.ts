import { text } from './text';

/** Whole seconds until `expires` by the server's clock; never negative. */
export function seconds_left(expires: string, now: number): number {
  const end = Date.parse(expires);
  return Number.isNaN(end) ? 0 : Math.max(0, Math.ceil((end - now) / 1000));
}

/** "4:05", "1:02:03", "0:00". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A countdown a screen reader should speak: only at round moments, so that it does not talk every second. */
export function spoken_moment(seconds: number): boolean {
  return seconds === 60 || seconds === 30 || seconds === 10 || seconds === 0;
}

/** "23 Nov 2026, 07:25:58" in the reader's language and time zone. */
export function date_time(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return at.toLocaleString(undefined, {
    day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false,
  });
}

/** "just now", "5 min ago", "3 h ago", then the date. */
export function ago(iso: string, now: number): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 45) return text.ago.now;
  if (seconds < 3600) return text.ago.minutes(Math.max(1, Math.round(seconds / 60)));
  if (seconds < 86400) return text.ago.hours(Math.round(seconds / 3600));
  return date_time(iso);
}

/** The server's clock as seen from here: challenges expire by it, and this machine's clock may be wrong. */
export class ServerClock {
  private offset = 0;
  /** `date`: an HTTP Date header (whole seconds); differences under two seconds are not worth a jump. */
  learn(date: string | null, here: number): void {
    const there = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(there)) return;
    const offset = there + 500 - here;
    if (Math.abs(offset - this.offset) > 2000) this.offset = offset;
    if (Math.abs(this.offset) <= 2000) this.offset = 0;
  }
  now(here: number): number { return here + this.offset; }
  /** By how many seconds the two clocks differ. */
  get apart(): number { return Math.round(Math.abs(this.offset) / 1000); }
}

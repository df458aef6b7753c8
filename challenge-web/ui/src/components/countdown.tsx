import { useEffect, useState } from 'preact/hooks';
import { server_now } from '../session';
import { text } from '../text';
import { clock, seconds_left, spoken_moment } from '../time';
import { announce } from './announce';

/** Seconds left, renewed every second; calls `on_end` once when it reaches zero. */
export function use_seconds_left(expires: string, on_end?: () => void): number {
  const [left, set_left] = useState(() => seconds_left(expires, server_now()));
  useEffect(() => {
    const update = () => {
      const now_left = seconds_left(expires, server_now());
      set_left(now_left);
      if (now_left > 0) return;
      clearInterval(timer);
      on_end?.();
    };
    const timer = setInterval(update, 1000);
    update();
    return () => clearInterval(timer);
  }, [expires]);
  return left;
}

export function Countdown({ expires, on_end, spoken }: { expires: string; on_end?: () => void; spoken?: boolean }) {
  const left = use_seconds_left(expires, on_end);
  useEffect(() => {
    if (spoken && spoken_moment(left)) announce(text.challenge.spoken_left(left));
  }, [left, spoken]);
  return <span class={left <= 30 ? 'countdown countdown-short' : 'countdown'} role="timer" aria-live="off">{clock(left)}</span>;
}

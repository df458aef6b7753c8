import { useEffect, useState } from 'preact/hooks';

let say: (words: string) => void = () => {};

/** Tells screen readers about a change that happened without the user moving there. */
export function announce(words: string): void { say(words); }

export function Announcer() {
  const [words, set_words] = useState('');
  useEffect(() => {
    say = set_words;
    return () => { say = () => {}; };
  }, []);
  return <div class="visually-hidden" role="status" aria-live="polite">{words}</div>;
}

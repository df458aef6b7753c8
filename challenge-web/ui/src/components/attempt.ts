import { useState } from 'preact/hooks';
import { explain } from '../passkey';

/** What a press asks of the server: whether it is under way, and in a sentence what went wrong. */
export function use_attempt() {
  const [busy, set_busy] = useState(false);
  const [problem, set_problem] = useState('');
  const attempt = async (how: () => Promise<void>, on_error?: (error: unknown) => void) => {
    set_busy(true);
    set_problem('');
    try {
      await how();
    } catch (error) {
      set_problem(explain(error));
      on_error?.(error);
    } finally {
      set_busy(false);
    }
  };
  return { busy, problem, set_problem, attempt };
}

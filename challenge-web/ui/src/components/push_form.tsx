import { useEffect, useState } from 'preact/hooks';
import { api } from '../api';
import { explain } from '../passkey';
import { forget_token, token_for } from '../push';
import { text } from '../text';
import { use_attempt } from './attempt';
import { Problem } from './basics';

const words = text.challenge;

/** On the browser that got the message: which number does the terminal show? On others: where to look. */
export function PushForm({ challenge, armed, busy, on_number }: {
  challenge: string; armed: boolean; busy: boolean; on_number: (token: string, number: string) => void;
}) {
  const [numbers, set_numbers] = useState<string[]>();
  const [sent, set_sent] = useState(false);
  const { busy: asking, problem, set_problem, attempt } = use_attempt();
  const token = token_for(challenge);

  useEffect(() => {
    if (token === undefined) return;
    api.open_push(challenge, token).then(set_numbers, (error: unknown) => {
      forget_token(challenge);
      set_problem(explain(error));
    });
  }, [challenge, token]);

  const send = () => attempt(async () => {
    await api.send_push(challenge);
    set_sent(true);
  });

  if (numbers !== undefined && token !== undefined) {
    return (
      <fieldset class="numbers" disabled={busy}>
        <legend>{words.push_question}</legend>
        <div class="buttons">
          {numbers.map((number) => (
            <button key={number} type="button" class="number" aria-label={words.push_number(number)} aria-disabled={!armed}
              onClick={() => { if (armed && !busy) on_number(token, number); }}>
              {number}
            </button>
          ))}
        </div>
        <small>{words.push_warning}</small>
      </fieldset>
    );
  }
  return (
    <div class="push">
      {problem && <Problem>{problem}</Problem>}
      <p role="status">{sent ? words.push_sent : words.push_where}</p>
      <button type="button" class="outline secondary small" disabled={asking || busy} aria-busy={asking} onClick={() => void send()}>{words.push_again}</button>
    </div>
  );
}

import { useEffect, useState } from 'preact/hooks';
import { api, type ElevationInForce } from '../api';
import { explain } from '../passkey';
import { use_session } from '../session';
import { text } from '../text';
import { announce } from './announce';
import { Chips, Problem } from './basics';
import { Countdown } from './countdown';

const words = text.elevations;

/** What passes without being asked, with a button to end each. Admins see everyone's. */
export function Elevations() {
  const session = use_session();
  const [all, set_all] = useState<ElevationInForce[]>();
  const [problem, set_problem] = useState('');
  const load = () => api.elevations().then(set_all, (error: unknown) => set_problem(explain(error)));
  useEffect(() => void load(), []);

  const end = async (one: ElevationInForce) => {
    set_problem('');
    try {
      await api.end_elevation(one.id);
      announce(words.ended);
    } catch (error) {
      set_problem(explain(error));
    }
    await load();
  };

  return (
    <>
      <h2>{words.heading}</h2>
      <p>{words.lead}</p>
      {problem && <Problem>{problem}</Problem>}
      {all?.length === 0 && <p>{words.empty}</p>}
      {all && all.length > 0 && (
        <ul class="cards">
          {all.map((one) => (
            <li key={one.id} class="card">
              <div class="card-head">
                <div>
                  <strong><bdi>{text.inbox.on(one.database, one.listener)}</bdi></strong>
                  {one.user !== session?.user && <> <span class="tag"><bdi>{one.user}</bdi></span></>}
                  <p class="quiet">{words.reach(one.scope)} · {words.from} <bdi>{one.client_address}</bdi> · <Countdown expires={one.expires} on_end={() => void load()} /> {words.left}{one.left !== null && <> · {words.executions(one.left)}</>}</p>
                  <Chips items={one.rules} kind="rule" label={words.rules} />
                  <Chips items={one.labels} kind="label" label={words.labels} />
                </div>
                <button type="button" class="outline secondary small" aria-label={words.end_label(one.rules.join(', '), one.database)} onClick={() => void end(one)}>
                  {words.end}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

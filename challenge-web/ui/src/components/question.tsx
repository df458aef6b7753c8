import { useState } from 'preact/hooks';

/** A button that asks before it acts. */
export function Question({ action, label, question, yes, no, on_yes }: {
  action: string; label: string; question: string; yes: string; no: string; on_yes: () => Promise<void>;
}) {
  const [asking, set_asking] = useState(false);
  const [busy, set_busy] = useState(false);
  if (!asking) {
    return <button type="button" class="outline secondary small" aria-label={label} onClick={() => set_asking(true)}>{action}</button>;
  }
  const act = async () => {
    set_busy(true);
    await on_yes();
    set_busy(false);
    set_asking(false);
  };
  return (
    <div class="question" role="group" aria-label={question}>
      <p>{question}</p>
      <div class="buttons">
        <button type="button" class="danger small" disabled={busy} onClick={() => void act()}>{yes}</button>
        <button type="button" class="outline secondary small" autofocus onClick={() => set_asking(false)}>{no}</button>
      </div>
    </div>
  );
}

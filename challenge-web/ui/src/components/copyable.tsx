import { text } from '../text';
import { announce } from './announce';

const words = text.connect;

/** Something to paste elsewhere, with a button that copies it. */
export function Copyable({ value, label }: { value: string; label: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    announce(words.copied);
  };
  return (
    <div class="copyable">
      <div class="scroll" role="region" aria-label={label} tabIndex={0}><code>{value}</code></div>
      {'clipboard' in navigator && <button type="button" class="outline secondary small" aria-label={words.copy_label(label)} onClick={() => void copy()}>{text.factor.copy}</button>}
    </div>
  );
}

import { useEffect, useState } from 'preact/hooks';

/**
 * False until the page has been in view for a moment without a break. A key or click that was meant for another window, just when
 * this page came up, must not approve anything.
 */
export function use_armed(about: string, milliseconds = 1000): boolean {
  const [armed, set_armed] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      set_armed(false);
      if (document.visibilityState === 'visible') timer = setTimeout(() => set_armed(true), milliseconds);
    };
    look();
    document.addEventListener('visibilitychange', look);
    window.addEventListener('focus', look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('focus', look);
    };
  }, [about, milliseconds]);
  return armed;
}

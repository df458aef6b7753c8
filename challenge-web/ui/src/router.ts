import { useEffect, useState } from 'preact/hooks';

/** A page and what the address says about it. */
export type Route =
  | { page: 'home' }
  | { page: 'sign_in' }
  | { page: 'enrol' }
  | { page: 'inbox' }
  | { page: 'challenge'; id: string }
  | { page: 'audit' }
  | { page: 'audit_record'; sequence: number }
  | { page: 'factors' }
  | { page: 'history' }
  | { page: 'policy' }
  | { page: 'sessions' }
  | { page: 'connect' }
  | { page: 'users' }
  | { page: 'provider' }
  | { page: 'not_found' };

export function parse(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second] = parts;
  if (parts.length === 0) return { page: 'home' };
  if (parts.length === 2 && first === 'c' && /^[A-Za-z0-9_-]{1,64}$/.test(second!)) return { page: 'challenge', id: second! };
  if (parts.length === 2 && first === 'audit' && /^\d{1,15}$/.test(second!)) {
    return { page: 'audit_record', sequence: Number(second) };
  }
  if (parts.length === 1) {
    switch (first) {
      case 'sign-in': return { page: 'sign_in' };
      case 'enrol': return { page: 'enrol' };
      case 'inbox': return { page: 'inbox' };
      case 'audit': return { page: 'audit' };
      case 'factors': return { page: 'factors' };
      case 'history': return { page: 'history' };
      case 'policy': return { page: 'policy' };
      case 'sessions': return { page: 'sessions' };
      case 'connect': return { page: 'connect' };
      case 'users': return { page: 'users' };
      case 'provider': return { page: 'provider' };
    }
  }
  return { page: 'not_found' };
}

const changed = new EventTarget();

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  changed.dispatchEvent(new Event('change'));
}

/** Where to go back to after signing in: only a path of our own, never another origin. */
export function safe_return(to: string | null): string {
  if (to === null || !/^\/(?![/\\])[A-Za-z0-9/_?&=%.,:+~-]*$/.test(to)) return '/inbox';
  return parse(to.split('?')[0]!).page === 'sign_in' ? '/inbox' : to;
}

export function sign_in_address(from: string): string {
  return from === '/' || from === '/inbox' ? '/sign-in' : `/sign-in?return=${encodeURIComponent(from)}`;
}

/** The current path and query; the component renders again when they change. */
export function use_location(): { path: string; query: string } {
  const read = () => ({ path: location.pathname, query: location.search });
  const [here, set_here] = useState(read);
  useEffect(() => {
    const update = () => set_here(read());
    changed.addEventListener('change', update);
    window.addEventListener('popstate', update);
    return () => {
      changed.removeEventListener('change', update);
      window.removeEventListener('popstate', update);
    };
  }, []);
  return here;
}

/** Plain left clicks on links inside the app change the page without loading it again. */
export function follow_links(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (link.getAttribute('href')?.startsWith('#')) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

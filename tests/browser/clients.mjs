// One psql or mariadb process, driven line by line, with everything it says kept as a transcript.
import { spawn } from 'node:child_process';

const hold_pattern = /approve at (\S+\/c\/[A-Za-z0-9_-]+) · code ([0-9A-Z]{3}-[0-9A-Z]{3})(?: · number ([0-9]{2}))?/;

/** `command` is a shell command that runs psql through stepgate (or not); it reads statements from standard input. */
export function start_psql(command) {
  // Without a terminal psql buffers nothing of what it prints between statements; \echo marks where an answer ends.
  const shell = `exec ${command} -X -v ON_ERROR_STOP=0 --no-psqlrc --pset pager=off 2>&1`;
  return start('sh', ['-c', shell], (number) => `\\echo '-- answered ${number} --'`, '\\q');
}

/** The same for the mariadb client, which tells its user about a hold on a terminal only: `script` gives it one. */
export function start_mariadb(command) {
  // What is typed is echoed, so the mark must not stand in it as it is printed.
  return start('script', ['-qfc', `exec ${command}`, '/dev/null'], (number) => `SELECT concat('-- answered ', ${number}, ' --') AS mark;`, 'quit');
}

/** `mark(number)` makes the client print "-- answered NUMBER --". */
function start(program, args, mark, quit) {
  const child = spawn(program, args, { env: { ...process.env, TERM: 'dumb' }, stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  let seen = 0; // up to here earlier waits have read
  let ended = false;
  let changed = () => {};
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => { said += text; changed(); });
  child.on('close', () => { ended = true; changed(); });
  child.stdin.on('error', () => {}); // it went away: the next wait says so

  async function wait_for(pattern, seconds = 60) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const found = pattern.exec(said.slice(seen));
      if (found !== null) {
        seen += found.index + found[0].length;
        return found;
      }
      const left = deadline - Date.now();
      if (ended || left <= 0) throw new Error(`the client ${ended ? 'ended' : 'did not say it in time'}: ${pattern}; it said: ${said.slice(-600)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        changed = () => { clearTimeout(timer); resolve(); };
      });
    }
  }

  let marks = 0;
  const answered = () => `-- answered ${marks} --`;
  const client = {
    /** Sends a statement and does not wait. */
    send(sql) {
      marks += 1;
      child.stdin.write(`${sql}\n${mark(marks)}\n`);
    },
    /** Waits until the statement is held; what the terminal shows. */
    async held(seconds) {
      const [, url, code, number] = await wait_for(hold_pattern, seconds);
      return { url, code, number };
    },
    /** Waits for the rest of the answer to what was sent last. */
    async answer(seconds) {
      const from = seen;
      await wait_for(new RegExp(`${answered()}[ |]*\r?\n`), seconds);
      return said.slice(from, seen).replace(`${answered()}\n`, '');
    },
    async run(sql, seconds) {
      client.send(sql);
      return client.answer(seconds);
    },
    transcript: () => said.replace(/^-- answered \d+ --\n/gm, ''),
    close: () => new Promise((resolve) => {
      if (ended) { resolve(); return; }
      child.on('close', resolve);
      child.stdin.end(`${quit}\n`);
    }),
    kill: () => child.kill(),
  };
  return client;
}

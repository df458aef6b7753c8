// PASS and FAIL lines, a closing line, an exit code: what a reader and ctest need, and no framework.
let passed = 0;
const failures = [];

export function check(name, good, detail = '') {
  const line = `${good ? 'PASS' : 'FAIL'} ${name}${good || detail === '' ? '' : `: ${detail}`}`;
  if (good) passed += 1;
  else failures.push(line);
  console.log(line);
  return good;
}

export function equal(name, actual, expected) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  return check(name, a === b, `got ${a}, expected ${b}`);
}

/** Runs a step; an exception in it is its failure, and the next step goes on. */
export async function step(name, body) {
  try {
    const answer = await body();
    if (answer === undefined || answer === true) check(name, true);
    else if (answer === false) check(name, false);
  } catch (error) {
    check(name, false, String(error?.stack ?? error).split('\n').slice(0, 6).join(' | '));
  }
}

/** The failures once more, where the end of a long output shows them; the exit code. */
export function finish() {
  for (const line of failures) console.log(line);
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0 && passed > 0 ? 0 : 1;
}

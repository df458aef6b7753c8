// node-postgres through stepgate: simple, parameterised and named statements, one yes and one no.
import assert from 'node:assert/strict';
import pg from 'pg';

const client = new pg.Client(); // PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE
const notices = [];
client.on('notice', (notice) => notices.push(notice.message));
await client.connect();
try {
  assert.equal((await client.query('SELECT $1::int + 1 AS n', [41])).rows[0].n, 42);
  for (let n = 0; n < 10; n++) {
    const named = await client.query({ name: 'plus', text: 'SELECT $1::int + 1 AS n', values: [n] });
    assert.equal(named.rows[0].n, n + 1);
  }
  const many = await Promise.all([1, 2, 3].map((n) => client.query('SELECT $1::int AS n', [n])));
  assert.deepEqual(many.map((r) => r.rows[0].n), [1, 2, 3]);
  await client.query("INSERT INTO scratch SELECT n, 'x' FROM generate_series(1, 5) AS n");
  assert.equal((await client.query('DELETE FROM scratch')).rowCount, 5);
  assert.ok(notices.some((n) => n.includes('STATEMENT HELD')), notices.join('\n'));
  await assert.rejects(client.query('DELETE FROM scratch'), { code: '42501' });
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
} finally {
  await client.end();
}
console.log('all good');

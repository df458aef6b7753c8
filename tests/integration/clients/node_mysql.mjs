// mysql2 and mariadb (npm) through stepgate: node node_mysql.mjs mysql2|mariadb. Texts, prepared statements, batches, another user, one yes
// and one no. MYSQL_PORT, MYSQL_PASSWORD; SECOND_PASSWORD is that of the user `second`.
import assert from 'node:assert/strict';

const { MYSQL_PORT, MYSQL_PASSWORD, SECOND_PASSWORD } = process.env;
const settings = {
  host: '127.0.0.1', port: Number(MYSQL_PORT), user: 'demo', password: MYSQL_PASSWORD, database: 'shop', ssl: { rejectUnauthorized: false },
};

async function mysql2() {
  const { default: mysql } = await import('mysql2/promise');
  const connection = await mysql.createConnection(settings);
  return {
    query: async (sql, values) => (await connection.query(sql, values))[0],
    execute: async (sql, values) => (await connection.execute(sql, values))[0],
    insert: (rows) => connection.query('INSERT INTO scratch VALUES ?', [rows]),
    become: (user, password) => connection.changeUser({ user, password, database: 'shop' }),
    end: () => connection.end(),
  };
}

async function mariadb() {
  const { default: library } = await import('mariadb');
  const connection = await library.createConnection({ ...settings, insertIdAsNumber: true, bigIntAsNumber: true });
  return {
    query: (sql, values) => connection.query(sql, values),
    execute: (sql, values) => connection.execute(sql, values),
    insert: (rows) => connection.batch('INSERT INTO scratch VALUES (?, ?)', rows), // one bulk execution, where the server knows it
    becomes: connection.info.isMariaDB(), // this library refuses it for MySQL, for a bug that servers had once
    become: (user, password) => connection.changeUser({ user, password, database: 'shop' }),
    end: () => connection.end(),
  };
}

const client = await { mysql2, mariadb }[process.argv[2]]();
try {
  assert.equal(Number((await client.query('SELECT ? + 1 AS n', [41]))[0].n), 42);
  for (let n = 0; n < 10; n++) assert.equal(Number((await client.execute('SELECT ? + 1 AS n', [n]))[0].n), n + 1);
  for (let n = 0; n < 2; n++) assert.equal((await client.execute('SELECT city FROM customers LIMIT 2')).length, 2);
  const many = await Promise.all([1, 2, 3].map((n) => client.query('SELECT ? AS n', [n])));
  assert.deepEqual(many.map((rows) => Number(rows[0].n)), [1, 2, 3]);
  await client.query('DELETE FROM scratch WHERE id < 100');
  await client.insert(Array.from({ length: 500 }, (_, n) => [n, 'note']));
  assert.equal((await client.query('DELETE FROM scratch')).affectedRows, 500);
  await assert.rejects(client.execute('DELETE FROM scratch WHERE id = ? OR true', [1]), { errno: 1227, sqlState: '42000' });
  assert.equal((await client.query('SELECT 1 AS one'))[0].one, 1);
  await client.query('SET @mine = 1');
  if (client.becomes !== false) {
    await client.become('second', SECOND_PASSWORD);
    assert.equal((await client.query('SELECT @mine AS mine'))[0].mine, null);
  }
} finally {
  await client.end();
}
console.log('all good');

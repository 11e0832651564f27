// `sluice origin`: every kind of table and value. What the snapshot says, what the stream says and what SELECT says are one
// text, under the protocol's display settings. Booleans alone are told as the recorded server tells them: true in a snapshot, t in
// the stream.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { BareOrigin } from './support/gateway.js';
import { pause } from './support/program.js';
import { ask, operations, positionOf, readAll } from './support/shape_api.js';

let cluster, database, origin;
before(async () => {
  cluster = await Cluster.start();
  database = await cluster
    .createDatabase('CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext')
    .catch(() => cluster.createDatabase('SELECT 1'));
  origin = await BareOrigin.start(database, { args: ['--long-poll-timeout', '5'] });
});
after(async () => {
  await origin?.stop();
  await database?.close();
  await cluster?.stop();
});

// Every value of a row as text, as Postgres's own output functions print it.
async function selected(sql) {
  const result = await database.result({ text: sql, rowMode: 'array', types: { getTypeParser: () => (text) => text } });
  return result.rows.map((row) => Object.fromEntries(result.fields.map(({ name }, i) => [name, row[i]])));
}

// A shape followed by hand: its rows by key, as a client has them.
class Log {
  static async begin(definition) {
    const log = new Log();
    log.definition = definition;
    log.rows = new Map();
    log.refetches = 0;
    log.seen = [];
    await log.refetch();
    return log;
  }

  async refetch() {
    this.rows.clear();
    for (const { answer } of await readAll(origin, this.definition)) this.#take(answer);
  }

  // One live answer; a must-refetch is followed.
  async next() {
    const answer = await ask(origin, { ...this.definition, ...this.position, live: true });
    if (answer.status === 409) {
      this.refetches++;
      return this.refetch();
    }
    assert.equal(answer.status, 200, answer.text);
    this.#take(answer);
  }

  async until(enough) {
    while (!enough(this)) await this.next();
  }

  #take(answer) {
    this.position = positionOf(answer);
    this.schema = answer.headers['electric-schema'] ? JSON.parse(answer.headers['electric-schema']) : this.schema;
    for (const message of operations(answer.json)) {
      const { key, value, headers } = message;
      this.seen.push(message);
      if (headers.operation === 'delete') assert.ok(this.rows.delete(key), `a delete of ${key}, which is not there`);
      else if (headers.operation === 'insert') {
        assert.ok(!this.rows.has(key), `an insert of ${key}, which is there`);
        this.rows.set(key, value);
      } else this.rows.set(key, { ...this.rows.get(key), ...value });
    }
  }

  values(order = 'id') {
    return [...this.rows.values()].sort((a, b) => Number(a[order]) - Number(b[order]));
  }
}

const asStream = (text) => ({ true: 't', false: 'f' })[text] ?? text;

// type: values, as SQL. Each is also an array's element unless it says otherwise.
const TYPES = {
  int2: ['-32768', '32767', '0'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807'],
  oid: ['0', '4294967295'],
  numeric: ['0', '-1.50', '1e30', `'NaN'`, `'Infinity'`, `'-Infinity'`, '0.00000000000000000001', '12345678901234567890.123456789'],
  'numeric(10,2)': ['1.005', '-99999999.99'],
  float4: ['0.1', '1e38', '-1e-38', `'NaN'`, `'Infinity'`, `'-0'`, '16777217'],
  float8: ['0.1', '1e308', '1.7976931348623157e308', '5e-324', `'NaN'`, `'-Infinity'`, '0.1::float8 + 0.2', '123456789012345680'],
  money: ['1234.5', '-1'],
  text: [
    `''`,
    `'a'`,
    `E'tab\\t line\\n cr\\r bell\\b form\\f "quotes" \\\\ back / slash'`,
    `'ünï ☃ 😀 \u2028'`,
    `E'\\x01\\x1f\\x7f'`,
    `'null'`,
    `'NULL'`,
    `'\\N'`,
    `'{}'`,
  ],
  varchar: [`'x'`, `'  spaces  '`],
  'varchar(5)': [`'abcde'`],
  'char(5)': [`'ab'`, `'abcde'`],
  '"char"': [`'a'`, `''`],
  name: [`'some_name'`],
  bytea: [`'\\x'`, `'\\x00ff10'`, `'abc'::bytea`],
  boolean: ['true', 'false'],
  date: [`'2024-02-29'`, `'0001-01-01'`, `'0044-03-15 BC'`, `'infinity'`, `'-infinity'`, `'9999-12-31'`, `'12024-01-01'`],
  time: [`'00:00'`, `'23:59:59.999999'`, `'24:00'`],
  timetz: [`'12:30:00+05:30'`, `'23:59:59.5-08'`],
  timestamp: [`'2024-01-02 03:04:05.678901'`, `'infinity'`, `'0044-03-15 12:00 BC'`, `'2024-01-01'`],
  timestamptz: [`'2024-01-02 03:04:05.678901+02'`, `'-infinity'`, `'2024-07-01 00:00 Europe/Berlin'`, `'0044-03-15 12:00 BC'`],
  'timestamp(0)': [`'2024-01-02 03:04:05.678901'`],
  interval: [`'1 year 2 months -3 days 04:05:06.789'`, `'0'`, `'-1 second'`, `'1.5 hours'`, `'P1Y2M3DT4H5M6S'`, `'-1 mon +1 day'`],
  uuid: [`'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`],
  json: [`'{"a": 1,  "b":[1,2 , null]}'`, `'"text"'`, `'null'`],
  jsonb: [`'{"b": 1,  "a":[1,2 , null], "a": "twice"}'`, `'1.10'`, `'null'`],
  jsonpath: [`'$.a[*] ? (@ > 2)'`],
  xml: [`'<a b="c">d</a>'`],
  inet: [`'192.168.1.5/24'`, `'::1'`, `'10.0.0.1'`],
  cidr: [`'10.0.0.0/8'`, `'2001:db8::/32'`],
  macaddr: [`'08-00-2b-01-02-03'`],
  macaddr8: [`'08:00:2b:01:02:03:04:05'`],
  'bit(4)': [`B'1010'`],
  varbit: [`B''`, `B'10101'`],
  point: [`'(1.5,-2)'`],
  line: [`'{1,2,3}'`],
  lseg: [`'[(0,0),(1,1)]'`],
  box: [`'(1,1),(0,0)'`],
  path: [`'[(0,0),(1,1)]'`, `'((0,0),(1,1))'`],
  polygon: [`'((0,0),(1,1),(1,0))'`],
  circle: [`'<(0,0),2.5>'`],
  tsvector: [`'a:1A fat:2 ''quo ted'':3'`],
  tsquery: [`'fat & (rat | !cat)'`],
  pg_lsn: [`'16/B374D848'`],
  int4range: [`'[1,10)'`, `'empty'`, `'(,5]'`],
  int8range: [`'[1,]'`],
  numrange: [`'(1.5,2.5]'`],
  tsrange: [`'[2024-01-01 00:00,2024-01-02 12:30)'`],
  tstzrange: [`'[2024-01-01 00:00+02,infinity)'`],
  daterange: [`'[2024-01-01,2024-02-01]'`],
  int4multirange: [`'{[1,3), [5,8)}'`],
  tstzmultirange: [`'{[2024-01-01 00:00+02, 2024-01-02 00:00+02)}'`],
  regclass: [`'pg_class'`],
  regtype: [`'int8'`],
  pg_snapshot: [`'10:20:10,14,15'`],
  xid8: [`'12345678901'`],
  mood: [`'sad'`, `'so so'`, `'it''s'`],
  positive: ['1', '2147483647'],
  short_text: [`'ab'`],
  complex: [`ROW(1, 'a "quoted", text', NULL)::complex`, `ROW(NULL, '', '{1,2}')::complex`],
  float_range: [`'[1.5,2.5)'::float_range`],
};

const CUSTOM = `
CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short_text AS varchar(5) NOT NULL;
CREATE TYPE complex AS (n int, t text, a int[]);
CREATE TYPE float_range AS RANGE (subtype = float8);
`;
const NO_ARRAYS = new Set(['short_text']); // a NULL may not be in them

function columnsOfTypes() {
  return Object.keys(TYPES).flatMap((type, i) => [`v${i} ${type}`, ...(NO_ARRAYS.has(type) ? [] : [`a${i} ${type}[]`])]);
}

// One row for each value; short_text has no NULL.
function rowsOfTypes() {
  const count = Math.max(...Object.values(TYPES).map((values) => values.length));
  return Array.from({ length: count + 1 }, (_, row) =>
    Object.entries(TYPES).flatMap(([type, values]) => {
      const value = (text) => `(${text})::${type}`;
      if (NO_ARRAYS.has(type)) return [value(values[row % values.length])];
      if (row === count) return ['NULL', `'{}'`];
      return [value(values[row % values.length]), `ARRAY[${values.map(value).join(', ')}, NULL]::${type}[]`];
    }),
  );
}

test('every built-in type, its arrays, enums, domains, composites and ranges', async () => {
  await database.query(CUSTOM);
  await database.query(`CREATE TABLE types (id int PRIMARY KEY, ${columnsOfTypes().join(', ')})`);
  const rows = rowsOfTypes();
  const insert = (id, values) => database.query(`INSERT INTO types VALUES (${[id, ...values].join(', ')})`);
  for (const [i, values] of rows.entries()) await insert(i, values);
  const log = await Log.begin({ table: 'types' });
  const names = Object.fromEntries(columnsOfTypes().map((column) => column.split(' ', 2)));
  const difference = (got, wanted, how) => {
    assert.equal(got.length, wanted.length);
    const wrong = wanted.flatMap((row, i) =>
      Object.keys(row)
        .filter((name) => how(got[i][name]) !== row[name])
        .map((name) => `${names[name]}: ${got[i][name]} is not ${row[name]}`),
    );
    assert.deepEqual(wrong, []);
  };
  const query = 'SELECT * FROM types ORDER BY id';
  difference(log.values(), await selected(query), asStream);

  await database.query('DELETE FROM types');
  for (const [i, values] of rows.entries()) await insert(i, values);
  await log.until(({ seen }) => seen.length === 3 * rows.length);
  difference(log.values(), await selected(query), (text) => text);

  // And by an update of each column alone.
  const columns = columnsOfTypes().map((column) => column.split(' ')[0]);
  for (const column of columns)
    await database.query(`UPDATE types SET ${column} = (SELECT ${column} FROM types WHERE id = 1) WHERE id = 0`);
  await database.query('UPDATE types SET id = -1 WHERE id = 0');
  await log.until(({ rows: all }) => all.has('"public"."types"/"-1"'));
  difference(log.values(), await selected(query), (text) => text);
  assert.equal(log.refetches, 0);
});

// Every sort of change, with every row told as SELECT has it after each.
async function followsSelect(log, query, statements) {
  for (const statement of statements) {
    await database.query(statement);
    const wanted = JSON.stringify((await selected(query)).map((row) => sorted(row)).sort());
    const now = () =>
      JSON.stringify(
        [...log.rows.values()].map((row) => sorted(Object.fromEntries(Object.entries(row).map(([k, v]) => [k, asStream(v)])))).sort(),
      );
    const deadline = Date.now() + 20_000;
    while (now() !== wanted) {
      assert.ok(Date.now() < deadline, `${statement}\n${now()}\nis not\n${wanted}`);
      await log.next();
    }
  }
}

const sorted = (row) => JSON.stringify(Object.entries(row).sort());

describe('keys', () => {
  test("composite, in the key's own order", async () => {
    await database.query(
      'CREATE TABLE composite (x int, b text, a int, PRIMARY KEY (b, a)); INSERT INTO composite VALUES (1, $$it/s "k"$$, 2)',
    );
    const log = await Log.begin({ table: 'composite' });
    assert.deepEqual([...log.rows.keys()], ['"public"."composite"/"it//s "k""/"2"']);
    assert.deepEqual([log.schema.b.pk_index, log.schema.a.pk_index, log.schema.x.pk_index], [0, 1, undefined]);
    await followsSelect(log, 'SELECT * FROM composite', [
      'INSERT INTO composite VALUES (2, $$z$$, 1), (3, $$z$$, 2)',
      'UPDATE composite SET x = 9 WHERE a = 1',
      'UPDATE composite SET a = 7 WHERE a = 1',
      'DELETE FROM composite WHERE a = 7',
    ]);
    assert.equal(log.refetches, 0);
  });

  test('none: the whole row is', async () => {
    await database.query('CREATE TABLE keyless (id int, t text); INSERT INTO keyless VALUES (1, $$a$$), (2, NULL)');
    const log = await Log.begin({ table: 'keyless' });
    await followsSelect(log, 'SELECT * FROM keyless', [
      'INSERT INTO keyless VALUES (3, $$c$$)',
      'UPDATE keyless SET t = $$b$$ WHERE id = 2',
      'UPDATE keyless SET id = 20 WHERE id = 2',
      'DELETE FROM keyless WHERE id = 1',
    ]);
  });

  test('changes of a key: away, and back again, within one transaction too', async () => {
    await database.query('CREATE TABLE moved (id int PRIMARY KEY, t text); INSERT INTO moved VALUES (1, $$a$$), (2, $$b$$)');
    const log = await Log.begin({ table: 'moved' });
    await followsSelect(log, 'SELECT * FROM moved', [
      'UPDATE moved SET id = 10 WHERE id = 1',
      'UPDATE moved SET id = 1 WHERE id = 10',
      'BEGIN; UPDATE moved SET id = 3 WHERE id = 1; UPDATE moved SET id = 1 WHERE id = 2; UPDATE moved SET id = 2 WHERE id = 3; COMMIT',
      'BEGIN; DELETE FROM moved WHERE id = 1; INSERT INTO moved VALUES (1, $$anew$$); COMMIT',
    ]);
    const away = log.seen.find(({ headers }) => headers.key_change_to);
    assert.equal(away.headers.operation, 'delete');
    assert.equal(away.headers.key_change_to, '"public"."moved"/"10"');
    const there = log.seen.find(({ headers }) => headers.key_change_from);
    assert.equal(there.headers.operation, 'insert');
    assert.equal(there.headers.key_change_from, '"public"."moved"/"1"');
  });

  test('none, and columns of every kind: the row of the snapshot and of the stream is one', async () => {
    await database.query(
      `CREATE TABLE keyless_types (a boolean, b char(5), c float8, d text[], e text); INSERT INTO keyless_types VALUES (true, 'ab', 0.1, '{a,NULL}', NULL), (false, '', 'NaN', '{}', '')`,
    );
    const log = await Log.begin({ table: 'keyless_types' });
    await followsSelect(log, 'SELECT * FROM keyless_types', [`UPDATE keyless_types SET e = 'x' WHERE a`, 'DELETE FROM keyless_types']);
  });

  test('of every kind of type', async () => {
    await database.query(`CREATE TABLE odd_keys (a timestamptz, b uuid, c boolean, d text, PRIMARY KEY (a, b, c, d));
      INSERT INTO odd_keys VALUES ('2024-01-01 12:00+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '')`);
    const log = await Log.begin({ table: 'odd_keys' });
    await followsSelect(log, 'SELECT * FROM odd_keys', [
      `INSERT INTO odd_keys VALUES ('infinity', gen_random_uuid(), false, 'x')`,
      `DELETE FROM odd_keys WHERE d = 'x'`,
    ]);
    // The snapshot's key and the stream's are one: the row that was there goes away.
    await database.query('DELETE FROM odd_keys');
    await log.until(({ rows }) => rows.size === 0);
  });
});

describe('names', () => {
  const NAMES = ['"Mixed Case"', '"with ""quotes"""', '"with.dot"', '"select"', '"ünï"', '"a/b"', 'other."Table"', '"Other Schema"."t t"'];
  for (const name of NAMES) {
    test(name, async () => {
      await database.query('CREATE SCHEMA IF NOT EXISTS other; CREATE SCHEMA IF NOT EXISTS "Other Schema"');
      await database.query(
        `CREATE TABLE ${name} (id int PRIMARY KEY, "Column ""x""" text, "order" int, "ü" int); INSERT INTO ${name} VALUES (1, 'a', 2, 3)`,
      );
      const log = await Log.begin({ table: name });
      await followsSelect(log, `SELECT * FROM ${name}`, [
        `UPDATE ${name} SET "Column ""x""" = 'b', "order" = 5`,
        `INSERT INTO ${name} VALUES (2, NULL, NULL, NULL)`,
        `DELETE FROM ${name} WHERE id = 1`,
      ]);
      assert.equal(log.refetches, 0);
      const filtered = await Log.begin({ table: name, where: '"order" IS NULL AND "ü" IS NULL', columns: 'id,"Column ""x"""' });
      assert.deepEqual(filtered.values(), [{ id: '2', 'Column "x"': null }]);
      const relation = log.seen.at(-1).headers.relation;
      assert.equal(relation.length, 2);
    });
  }

  test('one that is in another schema is not found without it', async () => {
    await database.query('CREATE SCHEMA IF NOT EXISTS other; CREATE TABLE other.hidden (id int PRIMARY KEY)');
    assert.equal((await ask(origin, { table: 'hidden', offset: '-1' })).status, 400);
    assert.equal((await ask(origin, { table: 'other.hidden', offset: '-1' })).status, 200);
  });
});

// At once: some wait until the origin looks for what it is not told of.
describe('columns', { concurrency: true }, () => {
  test('identity columns and defaults are as any', async () => {
    await database.query(
      'CREATE TABLE identity (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int GENERATED BY DEFAULT AS IDENTITY, t text DEFAULT $$d$$)',
    );
    const log = await Log.begin({ table: 'identity' });
    await followsSelect(log, 'SELECT * FROM identity', [
      'INSERT INTO identity DEFAULT VALUES',
      'INSERT INTO identity (t) VALUES (NULL)',
      'UPDATE identity SET t = $$e$$',
    ]);
  });

  test('generated ones are refused with a reason, and left out on demand', async () => {
    await database.query(
      'CREATE TABLE generated (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED); INSERT INTO generated VALUES (1, 2)',
    );
    for (const columns of [{}, { columns: 'id,twice' }]) {
      const refused = await ask(origin, { table: 'generated', ...columns, offset: '-1' });
      assert.equal(refused.status, 400);
      assert.match(refused.text, /generated/i);
      assert.match(refused.text, /twice/);
    }
    const log = await Log.begin({ table: 'generated', columns: 'id,n' });
    await followsSelect(log, 'SELECT id, n FROM generated', ['INSERT INTO generated VALUES (2, 3)', 'UPDATE generated SET n = 5']);
  });

  test('another key: noticed without a write', async () => {
    await database.query('CREATE TABLE rekeyed (a int PRIMARY KEY, b int NOT NULL); INSERT INTO rekeyed VALUES (1, 2)');
    const log = await Log.begin({ table: 'rekeyed' });
    await database.query('ALTER TABLE rekeyed DROP CONSTRAINT rekeyed_pkey, ADD PRIMARY KEY (b)');
    await log.until(({ refetches }) => refetches === 1);
    assert.deepEqual([...log.rows.keys()], ['"public"."rekeyed"/"2"']);
  });

  test('values stored out of line that an update leaves alone', async () => {
    await database.query(`CREATE TABLE toasted (id int PRIMARY KEY, n int, big text, other text);
      ALTER TABLE toasted ALTER COLUMN big SET STORAGE EXTERNAL;
      INSERT INTO toasted SELECT 1, 0, string_agg(md5(i::text), ''), 'o' FROM generate_series(1, 500) i`);
    const log = await Log.begin({ table: 'toasted' });
    const full = await Log.begin({ table: 'toasted', replica: 'full' });
    const filtered = await Log.begin({ table: 'toasted', where: `big LIKE '%' AND n < 5` });
    const statements = [
      'UPDATE toasted SET n = 1',
      `UPDATE toasted SET other = 'p' WHERE id = 1`,
      'UPDATE toasted SET id = 2',
      'UPDATE toasted SET big = reverse(big)',
      'UPDATE toasted SET n = 3, big = NULL',
    ];
    await followsSelect(log, 'SELECT * FROM toasted', statements);
    await full.until(({ seen }) => seen.at(-1).value.n === '3');
    await filtered.until(({ rows }) => [...rows.values()].some(({ n, big }) => n === '2' || big === null) || rows.size === 0);
    assert.deepEqual(full.values(), log.values());
    for (const { headers, value } of full.seen.filter(({ headers: { operation } }) => operation === 'update'))
      assert.deepEqual(Object.keys(value).sort(), ['big', 'id', 'n', 'other'], headers.operation);
  });

  test('added, dropped, renamed, retyped: who followed fetches again and has what SELECT has', async () => {
    await database.query('CREATE TABLE altered (id int PRIMARY KEY, a text, b int); INSERT INTO altered VALUES (1, $$1$$, 2)');
    const log = await Log.begin({ table: 'altered' });
    const changes = [
      ['ALTER TABLE altered ADD COLUMN c int DEFAULT 5', 'INSERT INTO altered VALUES (2, $$2$$, 3, 4)'],
      ['ALTER TABLE altered DROP COLUMN b', 'INSERT INTO altered VALUES (3, $$3$$, 4)'],
      ['ALTER TABLE altered RENAME COLUMN c TO d', 'UPDATE altered SET d = 9 WHERE id = 1'],
      ['ALTER TABLE altered ALTER COLUMN a TYPE int USING a::int', 'UPDATE altered SET a = 10 WHERE id = 1'],
    ];
    for (const [i, [alter, write]] of changes.entries()) {
      await database.query(alter);
      await followsSelect(log, 'SELECT * FROM altered', [write]);
      assert.ok(log.refetches > i, alter);
      const columns = await selected(
        `SELECT attname FROM pg_attribute WHERE attrelid = 'altered'::regclass AND attnum > 0 AND NOT attisdropped`,
      );
      assert.deepEqual(Object.keys(log.schema).sort(), columns.map(({ attname }) => attname).sort());
    }
  });
});

// At once: some wait until the origin looks for what it is not told of.
describe('tables', { concurrency: true }, () => {
  test('partitioned: as their root, and each leaf for itself', async () => {
    await database.query(`CREATE TABLE parts (id int, region text, t text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
      CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a'); CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
      INSERT INTO parts VALUES (1, 'a', 'x'), (2, 'b', 'y')`);
    const root = await Log.begin({ table: 'parts' });
    assert.equal(root.rows.size, 2);
    await followsSelect(root, 'SELECT * FROM parts', [
      `INSERT INTO parts VALUES (3, 'a', 'z')`,
      `UPDATE parts SET t = 'changed' WHERE id = 1`,
      `UPDATE parts SET region = 'b' WHERE id = 3`,
      `INSERT INTO parts_a VALUES (4, 'a', 'directly')`,
      'DELETE FROM parts WHERE id = 2',
    ]);
    assert.ok([...root.rows.keys()].every((key) => key.startsWith('"public"."parts"/')));
  });

  test('a leaf', async () => {
    await database.query(`CREATE TABLE tree (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
      CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (100); CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (100) TO (200);
      INSERT INTO tree VALUES (1, 'x'), (101, 'y')`);
    const leaf = await Log.begin({ table: 'tree_low' });
    assert.equal(leaf.rows.size, 1);
    await followsSelect(leaf, 'SELECT * FROM tree_low', [
      `INSERT INTO tree VALUES (2, 'z'), (102, 'z')`,
      `UPDATE tree SET t = 'changed' WHERE id = 1`,
      'DELETE FROM tree WHERE id = 2',
    ]);
  });

  test('a root and its leaf, both', async () => {
    await database.query(`CREATE TABLE both_of (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
      CREATE TABLE both_low PARTITION OF both_of FOR VALUES FROM (0) TO (100); INSERT INTO both_of VALUES (1, 'x')`);
    const root = await Log.begin({ table: 'both_of' });
    const answer = await ask(origin, { table: 'both_low', offset: '-1' });
    if (answer.status !== 200) {
      // Postgres publishes the changes of a leaf as its root's, once that is published: then there is no following the leaf.
      assert.ok([400, 503].includes(answer.status), answer.text);
      assert.match(answer.text, /partition/);
    } else {
      const leaf = await Log.begin({ table: 'both_low' });
      await followsSelect(leaf, 'SELECT * FROM both_low', [`INSERT INTO both_of VALUES (2, 'y')`, 'DELETE FROM both_low WHERE id = 1']);
    }
    await followsSelect(root, 'SELECT * FROM both_of', [`INSERT INTO both_of VALUES (3, 'z')`, 'DELETE FROM both_low WHERE id = 3']);
  });

  test('a leaf, and then its root', async () => {
    await database.query(`CREATE TABLE later_root (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
      CREATE TABLE sooner_leaf PARTITION OF later_root FOR VALUES FROM (0) TO (100); INSERT INTO later_root VALUES (1, 'x')`);
    const leaf = await Log.begin({ table: 'sooner_leaf' });
    const root = await Log.begin({ table: 'later_root' });
    await followsSelect(root, 'SELECT * FROM later_root', [
      `INSERT INTO later_root VALUES (2, 'y')`,
      'UPDATE sooner_leaf SET t = $$z$$ WHERE id = 1',
    ]);
    // The leaf's changes are told as well, or whoever follows it learns that they are not.
    const deadline = Date.now() + 30_000;
    for (;;) {
      const answer = await ask(origin, { table: 'sooner_leaf', ...leaf.position, live: true });
      if (answer.status !== 200) {
        assert.ok([400, 409, 503].includes(answer.status), answer.text);
        break;
      }
      const told = operations(answer.json);
      leaf.position = positionOf(answer);
      if (told.length > 0) break;
      assert.ok(Date.now() < deadline, 'a follower of the leaf is left with old rows');
    }
  });

  test('a partition that is added later', async () => {
    await database.query(`CREATE TABLE growing (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
      CREATE TABLE growing_0 PARTITION OF growing FOR VALUES FROM (0) TO (100); INSERT INTO growing VALUES (1, 'x')`);
    const log = await Log.begin({ table: 'growing' });
    await database.query('CREATE TABLE growing_1 PARTITION OF growing FOR VALUES FROM (100) TO (200)');
    await followsSelect(log, 'SELECT * FROM growing', [
      `INSERT INTO growing VALUES (101, 'y')`,
      `UPDATE growing SET t = 'z' WHERE id = 101`,
      `UPDATE growing SET id = 150 WHERE id = 1`,
      'DELETE FROM growing WHERE id = 101',
    ]);
  });

  test('truncated', async () => {
    await database.query('CREATE TABLE emptied (id int PRIMARY KEY); INSERT INTO emptied SELECT generate_series(1, 10)');
    const log = await Log.begin({ table: 'emptied' });
    await followsSelect(log, 'SELECT * FROM emptied', [
      'TRUNCATE emptied',
      'INSERT INTO emptied VALUES (1)',
      'BEGIN; INSERT INTO emptied VALUES (2); TRUNCATE emptied; INSERT INTO emptied VALUES (3); COMMIT',
    ]);
    assert.equal(log.refetches, 2);
  });

  test('dropped, and made again', async () => {
    await database.query('CREATE TABLE dropped (id int PRIMARY KEY, t text); INSERT INTO dropped VALUES (1, $$old$$)');
    const log = await Log.begin({ table: 'dropped' });
    await database.query('DROP TABLE dropped; CREATE TABLE dropped (id int PRIMARY KEY, t text); INSERT INTO dropped VALUES (2, $$new$$)');
    const deadline = Date.now() + 20_000;
    while (log.refetches === 0) {
      assert.ok(Date.now() < deadline, 'noticed in time');
      await log.next();
    }
    await followsSelect(log, 'SELECT * FROM dropped', ['INSERT INTO dropped VALUES (3, $$newer$$)']);
    await database.query('DROP TABLE dropped');
    let answer;
    do {
      answer = await ask(origin, { table: 'dropped', ...log.position, live: true });
      assert.ok(Date.now() < deadline + 20_000);
    } while (answer.status === 200);
    assert.ok([400, 409].includes(answer.status));
    assert.equal((await ask(origin, { table: 'dropped', offset: '-1' })).status, 400);
  });

  test('renamed: the old name is gone, the new one is another shape', async () => {
    await database.query('CREATE TABLE before_name (id int PRIMARY KEY); INSERT INTO before_name VALUES (1)');
    const log = await Log.begin({ table: 'before_name' });
    await database.query('ALTER TABLE before_name RENAME TO after_name; INSERT INTO after_name VALUES (2)');
    const deadline = Date.now() + 20_000;
    for (let status = 200; status === 200;) {
      assert.ok(Date.now() < deadline, 'noticed in time');
      const answer = await ask(origin, { table: 'before_name', ...log.position, live: true });
      status = answer.status;
      assert.ok(!answer.text.includes('"2"'), 'no row under the old name');
      if (status === 200) log.position = positionOf(answer);
    }
    const renamed = await Log.begin({ table: 'after_name' });
    await followsSelect(renamed, 'SELECT * FROM after_name', ['INSERT INTO after_name VALUES (3)']);
  });

  test('views and others that have no changes are refused with a reason', async () => {
    await database.query(
      'CREATE TABLE base (id int PRIMARY KEY); CREATE VIEW a_view AS SELECT * FROM base; CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM base; CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY); CREATE SEQUENCE a_sequence',
    );
    for (const table of ['a_view', 'a_matview', 'unlogged', 'a_sequence', 'pg_catalog.pg_class', 'information_schema.sql_features']) {
      const answer = await ask(origin, { table, offset: '-1' });
      assert.equal(answer.status, 400, `${table}: ${answer.text}`);
      assert.ok(answer.json.errors.table, answer.text);
    }
  });

  test('of very many columns', async () => {
    const columns = Array.from({ length: 200 }, (_, i) => `c${i} int DEFAULT ${i}`);
    await database.query(`CREATE TABLE wide (id int PRIMARY KEY, ${columns.join(', ')}); INSERT INTO wide VALUES (1)`);
    const log = await Log.begin({ table: 'wide' });
    await followsSelect(log, 'SELECT * FROM wide', ['INSERT INTO wide VALUES (2)', 'UPDATE wide SET c199 = NULL WHERE id = 1']);
  });
});

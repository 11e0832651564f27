// The tables of the tests and what is written to them.

// Titles and notes begin with the organisation that owns the row, so text of another one in an answer is seen at once.
export const SCHEMA = `
CREATE TABLE items (
  id bigint PRIMARY KEY,
  org_id int NOT NULL,
  title text NOT NULL,
  done boolean NOT NULL DEFAULT false,
  price numeric(12,2),
  reference uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  note text
);
CREATE TABLE secrets (id int PRIMARY KEY, value text NOT NULL);
INSERT INTO secrets VALUES (1, 'nobody may read this');
`;

// `count` rows of organisation 1, then a tenth as many of organisation 2.
export async function seed(database, count) {
  await database.query(
    `INSERT INTO items (id, org_id, title, done, price, note)
     SELECT i, org, 'org' || org || ' item ' || i || E' "quoted" \\\\ Ünï\\tcode\\n☃', i % 3 = 0, i / 7.0,
            CASE WHEN i % 2 = 0 THEN 'org' || org || ' note' END
     FROM generate_series(1, $1::int + $1::int / 10) i, LATERAL (SELECT CASE WHEN i > $1::int THEN 2 ELSE 1 END AS org) o`,
    [count],
  );
}

export function rowsOf(database, org) {
  return database.query('SELECT * FROM items WHERE org_id = $1 ORDER BY id', [org]);
}

// Inserts, updates and deletes in transactions small and large. Every row stays with its organisation.
// Precondition: seed() made at least 2,000 rows.
export async function writeAllSorts(database) {
  await database.query(
    `INSERT INTO items (id, org_id, title) SELECT i, 1 + i % 2, 'org' || 1 + i % 2 || ' late ' || i FROM generate_series(50001, 50100) i`,
  );
  for (let id = 1; id <= 30; id++) await database.query(`UPDATE items SET title = title || '!', price = $2 WHERE id = $1`, [id, id * 1.5]);
  for (let id = 101; id <= 130; id++) await database.query('DELETE FROM items WHERE id = $1', [id]);
  await writeNullsAndKeys(database);
  await writeManyAtOnce(database);
  await writeAndTakeBack(database);
  await writeLargeValues(database);
}

async function writeNullsAndKeys(database) {
  await database.query('UPDATE items SET note = NULL, price = NULL WHERE id BETWEEN 200 AND 220');
  await database.query(`UPDATE items SET note = 'org1 was null', done = NOT done WHERE id BETWEEN 210 AND 230`);
  await database.query('UPDATE items SET id = id + 1000000 WHERE id BETWEEN 300 AND 305');
}

async function writeManyAtOnce(database) {
  await database.transaction(
    `INSERT INTO items (id, org_id, title) SELECT i, 1, 'org1 bulk ' || i FROM generate_series(60001, 61000) i`,
    'UPDATE items SET done = true WHERE id BETWEEN 60001 AND 60500',
    `UPDATE items SET title = title || ' twice' WHERE id BETWEEN 60001 AND 60100`,
    'DELETE FROM items WHERE id BETWEEN 60401 AND 60600',
    'DELETE FROM items WHERE id BETWEEN 1001 AND 1500',
    `INSERT INTO items (id, org_id, title) SELECT i, 1, 'org1 back again ' || i FROM generate_series(1001, 1100) i`,
  );
}

async function writeAndTakeBack(database) {
  await database.query('BEGIN');
  await database.query(`INSERT INTO items (id, org_id, title) VALUES (70001, 1, 'org1 never was')`);
  await database.query('ROLLBACK');
  await database.transaction(
    `INSERT INTO items (id, org_id, title) VALUES (70002, 1, 'org1 kept')`,
    'SAVEPOINT s',
    `INSERT INTO items (id, org_id, title) VALUES (70003, 1, 'org1 never was either')`,
    'ROLLBACK TO s',
    `UPDATE items SET title = 'org1 kept and changed' WHERE id = 70002`,
  );
}

// Stored out of line: an update of another column does not carry them.
async function writeLargeValues(database) {
  await database.query(
    `INSERT INTO items (id, org_id, title, note)
     SELECT 80001, 1, 'org1 large', 'org1 ' || string_agg(md5(i::text), '') FROM generate_series(1, 1000) i`,
  );
  await database.query(`UPDATE items SET title = 'org1 large, renamed' WHERE id = 80001`);
}

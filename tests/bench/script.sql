-- script.sql - inserts, indexes, joins, groups, sorts and updates in a database file; every answer is in a fixed order.
PRAGMA synchronous = OFF;
PRAGMA journal_mode = MEMORY;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city INTEGER, born INTEGER);
CREATE TABLE sale (person INTEGER, item TEXT, price REAL, day INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO person SELECT i, printf('%s%04d', char(65 + i * 7 % 26, 97 + i * 11 % 26), i * 7919 % 10000), i * 31 % 97,
    1920 + i * 13 % 90 FROM n;
COMMIT;
-- The other table by statements that the shell parses one by one.
.output sales.sql
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
SELECT printf('INSERT INTO sale VALUES (%d, ''item %d'', %d.25, %d);', i * 7907 % 3000 + 1, i * 17 % 211, i * 37 % 500,
    i * 53 % 365) FROM n;
.output
BEGIN;
.read sales.sql
COMMIT;
CREATE INDEX sale_person ON sale (person);
CREATE INDEX person_name ON person (name COLLATE NOCASE);
SELECT count(*), sum(price) FROM sale;
SELECT city, count(*), sum(price), max(name) FROM person JOIN sale ON sale.person = person.id
    GROUP BY city ORDER BY 3 DESC, 1 LIMIT 20;
SELECT a.name, b.name FROM person a JOIN person b ON a.city = b.city AND a.born = b.born AND a.id < b.id ORDER BY 1, 2 LIMIT 30;
SELECT name FROM person WHERE name LIKE 'K%7' OR upper(name) GLOB 'QX*1' ORDER BY name COLLATE NOCASE, id;
SELECT item, group_concat(day) FROM (SELECT * FROM sale ORDER BY day, rowid) WHERE price > 490 GROUP BY item ORDER BY item;
UPDATE person SET born = born + (SELECT count(*) FROM sale WHERE person = person.id) WHERE city % 3 = 0;
DELETE FROM sale WHERE day BETWEEN 100 AND 200 AND person IN (SELECT id FROM person WHERE born > 1960);
SELECT born / 10, count(*), avg(length(name)), min(name) FROM person GROUP BY 1 ORDER BY 1;
SELECT person, price, sum(price) OVER (PARTITION BY person ORDER BY day, rowid) FROM sale ORDER BY 3 DESC, 1, 2 LIMIT 20;
PRAGMA integrity_check;

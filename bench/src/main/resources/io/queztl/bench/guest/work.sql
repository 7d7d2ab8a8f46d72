PRAGMA journal_mode = OFF;
CREATE TABLE part (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, maker INTEGER);
CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
    INSERT INTO maker SELECT i, 'maker ' || i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @COUNT@)
    INSERT INTO part SELECT i, printf('part %08x', i * 2654435761 & 4294967295),
        i * 7919 % 10007, i * 31 % 50 + 1 FROM n;
COMMIT;
CREATE INDEX part_name ON part (name);
UPDATE part SET price = price + 1 WHERE name BETWEEN 'part 4' AND 'part 8';
SELECT m.name, count(*), sum(p.price), min(p.name), max(p.name)
    FROM part p JOIN maker m ON m.id = p.maker GROUP BY m.id ORDER BY 3 DESC LIMIT 10;
SELECT count(*) FROM part a JOIN part b ON b.name = 'part ' || substr(a.name, 6) WHERE a.price < 5000;
SELECT id, name FROM part ORDER BY price, name DESC LIMIT 5;
DELETE FROM part WHERE id % 3 = 0;
SELECT count(*), total(price), group_concat(DISTINCT maker % 7) FROM part;

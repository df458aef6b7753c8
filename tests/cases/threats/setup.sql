-- What the cases call, beside the demo's shop. Run by its owner around stepgate.
CREATE FUNCTION erase_orders() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; RETURN 1; END $$;
CREATE FUNCTION peek() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM customers LIMIT 1';
CREATE FUNCTION add_them(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT erase_orders()';
CREATE OPERATOR |+| (LEFTARG = integer, RIGHTARG = integer, FUNCTION = add_them);
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM orders';
CREATE SCHEMA lab;
CREATE TABLE lab.notes (id integer, body text);
INSERT INTO lab.notes VALUES (1, 'nothing private');
CREATE TABLE notes (id integer, body text);
INSERT INTO notes VALUES (1, 'very private');
CREATE TABLE scratch (id integer);

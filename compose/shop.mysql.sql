-- The demo's small shop, as in shop.sql, for MySQL and MariaDB.
CREATE TABLE customers (
    id     integer PRIMARY KEY AUTO_INCREMENT,
    name   varchar(100) NOT NULL,
    email  varchar(100) NOT NULL UNIQUE,
    ssn    varchar(20) NOT NULL,
    city   varchar(100) NOT NULL,
    joined date NOT NULL DEFAULT (current_date)
);
CREATE TABLE orders (
    id          integer PRIMARY KEY AUTO_INCREMENT,
    customer_id integer NOT NULL,
    item        varchar(100) NOT NULL,
    quantity    integer NOT NULL,
    FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
CREATE TABLE payments (
    id       integer PRIMARY KEY AUTO_INCREMENT,
    order_id integer NOT NULL,
    iban     varchar(40) NOT NULL,
    amount   decimal(10, 2) NOT NULL,
    FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
);

INSERT INTO customers (name, email, ssn, city)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
SELECT concat('Customer ', n), concat('customer', n, '@shop.example'),
       concat(lpad((n * 7919) % 900 + 100, 3, '0'), '-', lpad((n * 31) % 90 + 10, 2, '0'), '-', lpad((n * 104729) % 10000, 4, '0')),
       elt(n % 5 + 1, 'Lisbon', 'Oslo', 'Turin', 'Ghent', 'Tartu')
FROM numbers;

INSERT INTO orders (customer_id, item, quantity)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 800)
SELECT n % 200 + 1, elt(n % 4 + 1, 'kettle', 'lamp', 'chair', 'teapot'), n % 3 + 1 FROM numbers;

INSERT INTO payments (order_id, iban, amount)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 700)
SELECT n, concat('PT50', lpad(n * 1234577, 21, '0')), (n % 90) + 9.90 FROM numbers;

-- A view over personal data, and a procedure that deletes: policies must see through both.
CREATE VIEW customer_contacts AS SELECT name, email, ssn, city FROM customers;

CREATE PROCEDURE purge_inactive(before_day date) DELETE FROM customers WHERE joined < before_day;

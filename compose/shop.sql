-- The demo's small shop: enough personal data and enough ways to lose it.
CREATE TABLE customers (
    id       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name     text NOT NULL,
    email    text NOT NULL UNIQUE,
    ssn      text NOT NULL,
    city     text NOT NULL,
    joined   date NOT NULL DEFAULT current_date
);
CREATE TABLE orders (
    id          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    customer_id integer NOT NULL REFERENCES customers ON DELETE CASCADE,
    item        text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    placed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE payments (
    id       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE,
    iban     text NOT NULL,
    amount   numeric(10, 2) NOT NULL,
    paid_at  timestamptz
);

INSERT INTO customers (name, email, ssn, city)
SELECT 'Customer ' || n, 'customer' || n || '@shop.example', lpad(((n * 7919) % 900 + 100)::text, 3, '0') || '-'
           || lpad(((n * 31) % 90 + 10)::text, 2, '0') || '-' || lpad(((n * 104729) % 10000)::text, 4, '0'),
       (ARRAY['Lisbon', 'Oslo', 'Turin', 'Ghent', 'Tartu'])[n % 5 + 1]
FROM generate_series(1, 200) AS n;

INSERT INTO orders (customer_id, item, quantity)
SELECT n % 200 + 1, (ARRAY['kettle', 'lamp', 'chair', 'teapot'])[n % 4 + 1], n % 3 + 1
FROM generate_series(1, 800) AS n;

INSERT INTO payments (order_id, iban, amount, paid_at)
SELECT n, 'PT50' || lpad((n * 1234577)::text, 21, '0'), (n % 90) + 9.90, now()
FROM generate_series(1, 700) AS n;

-- A view over personal data, and a function that deletes: policies must see through both.
CREATE VIEW customer_contacts AS SELECT name, email, ssn, city FROM customers;

CREATE FUNCTION purge_inactive(before date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    gone integer;
BEGIN
    DELETE FROM customers WHERE joined < before;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END;
$$;

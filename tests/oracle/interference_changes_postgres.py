"""Random changes of PostgreSQL for interference.py: DML in every form, and DO blocks around it. See interference_changes.py."""
from interference import TABLES
from interference_changes import WRITTEN, Changed, Changes

# What runs by itself: a cascade, a trigger of rows, a rule, a check of a view; and rows that move between partitions.
DEFINITIONS = (
    "ALTER TABLE customers ADD CHECK (city <> 'x')",
    "CREATE TABLE orders (id varchar(20), customer varchar(20) REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE)",
    "CREATE TABLE noted (word varchar(20))",
    "CREATE TABLE parts (id varchar(20) PRIMARY KEY, word varchar(20)) PARTITION BY LIST (id)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('1', '5')",
    "CREATE TABLE parts_2 PARTITION OF parts DEFAULT",
    "CREATE TABLE watched (id varchar(20), word varchar(20), both_ text GENERATED ALWAYS AS (id || word) STORED)",
    "CREATE TABLE ruled (id varchar(20), word varchar(20))",
    "CREATE VIEW cities AS SELECT id, city FROM customers WHERE city <> 'Bern' WITH CHECK OPTION",
    "CREATE VIEW joined AS SELECT c.id, c.city, s.word FROM customers c LEFT JOIN scratch s USING (id)",
    """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF TG_OP = 'DELETE' THEN INSERT INTO noted SELECT ssn FROM customers WHERE id = OLD.id; RETURN OLD; END IF;
           INSERT INTO noted SELECT max(c.city) FROM customers c WHERE c.id = NEW.id; RETURN NEW;
       END $$""",
    "CREATE TRIGGER noting BEFORE UPDATE OR DELETE ON watched FOR EACH ROW EXECUTE FUNCTION note()",
    """CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO noted SELECT max(word) FROM gone; RETURN NULL; END $$""",
    "CREATE TRIGGER moving AFTER DELETE ON parts_1 REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION move()",
    """CREATE FUNCTION write_through() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE scratch SET word = NEW.word WHERE id = OLD.id; RETURN NEW; END $$""",
    "CREATE TRIGGER written INSTEAD OF UPDATE ON joined FOR EACH ROW EXECUTE FUNCTION write_through()",
    "CREATE RULE also AS ON UPDATE TO ruled DO ALSO UPDATE scratch SET word = NEW.word FROM customers c WHERE c.id = NEW.id AND c.ssn > OLD.word",
    "CREATE RULE instead AS ON DELETE TO ruled DO INSTEAD DELETE FROM orders WHERE id = OLD.id",
    "INSERT INTO parts VALUES ('1', '222'), ('2', 'b'), ('5', 'c'), ('7', '111')",
    "INSERT INTO watched VALUES ('1', '222'), ('2', 'b')",
    "INSERT INTO ruled VALUES ('1', '222'), ('2', 'b'), ('7', '4')")
LATER = ("INSERT INTO orders VALUES ('1', '1'), ('2', '3')",)  # once there are customers
CHANGED = dict(TABLES, orders=["id", "customer"], parts=["id", "word"], parts_1=["id", "word"], watched=["id", "word", "both_"], ruled=["id", "word"],
               cities=["id", "city"], joined=["id", "city", "word"])
SET = dict(WRITTEN, orders=["id", "customer"], parts=["id", "id", "word"], parts_1=["word", "id"], watched=["word", "id"], ruled=["word", "id"],
           cities=["city", "city", "id"], joined=["word"])
OFTEN = ["customers", "customers", "customers", "scratch", "scratch", "papers", "papers", *CHANGED]


class PostgresChanges(Changes):
    """INSERT, UPDATE, DELETE and MERGE in every form, alone, within WITH, and in DO blocks."""
    around = ()  # a scope: what a DO block's variables are called

    def target(self):
        name = self.pick(*OFTEN)
        alias = name if self.chance(0.5) else self.alias()
        return name, alias, name if name == alias else f"{name} {self.pick('', 'AS ')}{alias}"

    def within(self, *entries):
        return [*self.around, *entries]

    def begin(self, scope):
        """Maybe a WITH, which may change something itself."""
        if not self.chance(0.2):
            return ""
        name = self.pick("q", "customers", "scratch", "x")
        if self.chance(0.4):
            text, columns = self.returning(self.pick(self.updated, self.deleted, self.inserted)(""))
        else:
            text, columns = self.query(0, self.pick(1, 2), scope)
        self.ctes.append((name, columns))
        return f"WITH {name} AS ({text}) "

    def returning(self, changed):
        """(the text of a change, what its rows are called); `changed` is (text, scope)."""
        text, scope = changed
        columns = [self.pick("ssn", "id", "x", "word") for _ in range(self.pick(1, 2))]
        return f"{text} RETURNING " + ", ".join(f"{self.text(scope, 1)} AS {column}" for column in columns), columns

    def assigned(self, columns, scope):
        chance = self.random.random()
        if chance < 0.15:
            left = ", ".join(self.random.sample(sorted(set(columns) | {"id"}), 2) if len(set(columns) | {"id"}) > 1 else [columns[0]] * 2)
            return f"({left}) = {self.pick(f'({self.query(0, 2, scope)[0]})', f'ROW({self.text(scope, 1)}, {self.text(scope)})')}"
        return super().assigned(columns, scope)

    def updated(self, begin=None):
        begin = self.begin(self.around) if begin is None else begin
        name, alias, named = self.target()
        scope = self.within((alias, CHANGED[name]))
        text = f"{begin}UPDATE {self.pick('', '', 'ONLY ')}{named} SET "
        if self.chance(0.6):
            return text + self.assigned(SET[name], scope) + self.where(scope), scope
        others, entries = self.sources([], 1)
        scope += entries
        return f"{text}{self.assigned(SET[name], scope)} FROM {others}{self.where(scope)}", scope

    def deleted(self, begin=None):
        begin = self.begin(self.around) if begin is None else begin
        name, alias, named = self.target()
        scope = self.within((alias, CHANGED[name]))
        if self.chance(0.6):
            return f"{begin}DELETE FROM {named}{self.where(scope)}", scope
        others, entries = self.sources([], 1)
        scope += entries
        return f"{begin}DELETE FROM {named} USING {others}{self.where(scope)}", scope

    def values(self, columns, scope):
        key = self.pick("'1'", "'2'", "'7'")
        return ", ".join(key if column == "id" and self.chance(0.6) else self.pick(self.text(scope, 1), "'222'", "DEFAULT") for column in columns)

    def columns_of(self, name):
        columns = sorted(set(SET[name]) | {"id"})
        return self.random.sample(columns, len(columns))[:self.pick(1, 2, 2, 3)]

    def inserted(self, begin=None):
        begin = self.begin(self.around) if begin is None else begin
        name, alias, _ = self.target()
        columns, kept = self.columns_of(name), list(self.ctes)
        if self.chance(0.5):
            rows = f"VALUES ({self.values(columns, self.around)})"
        elif self.chance(0.5):
            others, entries = self.sources([], 1)
            rows = f"SELECT {self.values(columns, self.within(*entries)).replace('DEFAULT', 'NULL')} FROM {others}{self.where(entries, 0.4)}"
        else:
            rows, _ = self.query(1, len(columns), self.around)
        self.ctes = kept
        sql = f"{begin}INSERT INTO {name}{'' if name == alias else ' AS ' + alias} ({', '.join(columns)}) {rows}"
        scope = self.within((alias, CHANGED[name]))
        if name in ("customers", "papers", "parts", "cities") and self.chance(0.6):
            both = scope + [("excluded", CHANGED[name])]
            change = f"UPDATE SET {self.assigned(SET[name], both)}{self.where(both, 0.5)}"
            sql += f" ON CONFLICT {self.pick('(id) ', '(id) ', '')}DO {self.pick(change, change, change, 'NOTHING')}"
        return sql, scope

    def merged(self, begin=None):
        begin = self.begin(self.around) if begin is None else begin
        name, alias, named = self.target()
        own = (alias, CHANGED[name])
        other, entries = self.table([], 1, [])
        both, sql = self.within(own, *entries), f"{begin}MERGE INTO {named} USING {other}"
        sql += f" ON {self.pick(f'{alias}.id = {self.text(entries)}', self.condition(both, 0))}"
        for _ in range(self.pick(1, 1, 2)):
            matched = self.chance(0.7)
            only = f" AND {self.condition(both if matched else self.within(*entries), 0)}" * self.chance(0.5)
            columns = self.columns_of(name)
            do = (self.pick(f"UPDATE SET {self.assigned(SET[name], both)}", "DELETE", "DO NOTHING") if matched else
                  self.pick(f"INSERT ({', '.join(columns)}) VALUES ({self.values(columns, self.within(*entries))})", "DO NOTHING"))
            sql += f" WHEN {'' if matched else 'NOT '}MATCHED{only} THEN {do}"
        return sql, self.within(own)

    def change(self, begin=None):
        """(text, scope) of one that RETURNING may follow, or not."""
        make = self.pick(self.updated, self.updated, self.deleted, self.inserted, self.inserted, self.merged)
        text, scope = make(begin)
        if make != self.merged and self.chance(0.4):
            text += f" RETURNING {self.pick('*', '1', self.text(scope, 1), self.text(scope, 1))}"
        return text

    def block(self):
        """DO, whose variables are named in what it runs."""
        columns = self.random.sample(["ssn", "id", "x"], 2)
        query, _ = self.query(1, self.pick(1, 2, None))
        whole, self.around = f"SELECT * FROM customers{self.where([('customers', TABLES['customers'])], 0.5)}", [("r", columns + ["city"])]
        change = self.pick(self.updated, self.deleted, self.inserted, self.merged)("")[0]
        value, condition = self.text(self.around, 1), self.condition(self.around, 0)
        more = self.pick(f"RAISE NOTICE '%', {value};", f"INSERT INTO scratch VALUES ('9', {value});", f"IF {condition} THEN {change}; END IF;",
                         f"PERFORM pg_notify('x', {value});", f"PERFORM set_config('a.b', {value}, true);", f"{change}; RAISE NOTICE '%', FOUND;",
                         f"CASE {value} WHEN '222' THEN {change}; ELSE NULL; END CASE;", f"{change}; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE '%', n;",
                         f"BEGIN {change}; EXCEPTION WHEN others THEN INSERT INTO scratch VALUES ('9', SQLSTATE); END;",
                         f"ASSERT {condition};", f"n := (CASE WHEN {condition} THEN 1 ELSE 2 END); INSERT INTO scratch VALUES (n);",
                         f"EXECUTE 'INSERT INTO scratch VALUES ($1)' USING {value};", f"WHILE n < 2 AND {condition} LOOP n := n + 1; {change}; END LOOP;",
                         f"PERFORM 1 FROM scratch WHERE {condition}; IF NOT FOUND THEN INSERT INTO scratch VALUES ('8'); END IF;")
        of = self.pick(query, query, whole)
        form = self.pick("FOR r IN {} LOOP {} END LOOP;", "SELECT t.* INTO r FROM ({}) t; {}", "OPEN c FOR {}; FETCH c INTO r; {}",
                         "r := (SELECT t FROM ({}) t LIMIT 1); {}", "OPEN c FOR {}; LOOP FETCH c INTO r; EXIT WHEN NOT FOUND; {} END LOOP;")
        declared = self.pick("r record;", "r record;", "r customers;", "r customers%ROWTYPE;", "r papers;")
        self.around = ()
        return f"DO $$ DECLARE {declared} n int := 0; c refcursor; BEGIN {form.format(of, more)} END $$"

    def kept(self):
        """What keeps a value for later, or locks rows."""
        text, entries = self.sources([], 1)
        return self.pick(f"SELECT set_config('a.b', {self.text(entries, 1)}, true) FROM {text}{self.where(entries, 0.4)}",
                         f"SELECT 1 FROM {text}{self.where(entries, 0.9)} FOR UPDATE", f"SELECT {self.text(entries, 1)} INTO TEMP z FROM {text}",
                         f"PREPARE z AS {self.change()}", f"EXPLAIN (COSTS off) {self.change()}", f"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) {self.change()}",
                         f"DECLARE z CURSOR FOR {self.query(1)[0]}",
                         f"CREATE TABLE z AS {self.query(1)[0]}", f"INSERT INTO noted VALUES ({self.text([])}), (({self.query(1, 1)[0]}))")

    def forms(self):
        return self.change, self.change, self.change, self.change, self.block, self.block, self.kept


class PostgresChanged(Changed):
    """Also what it raises: the words of errors, but not the details of rows that fail, which stepgate takes out."""
    tables = dict(Changed.tables, orders=["id", "customer"], noted=["word"], parts=["id", "word"], watched=["id", "word"], ruled=["id", "word"])
    definitions, later = DEFINITIONS, LATER

    def begin(self):
        self.connection.notices.clear()
        self.rows("BEGIN; SELECT 1")

    def open(self):
        return not self.connection.closed

    def words(self, error):
        diagnosis = getattr(error, "diag", None)
        failing = (getattr(error, "pgcode", None) or "") in ("23502", "23514", "44000")
        return diagnosis.message_primary if failing else super().words(error)

    def told(self, ran):
        settings = self.rows("SELECT current_setting('a.b', true)") if ran else None
        return self.status, list(self.connection.notices), settings

    def undo(self):
        try:
            self.rows("ROLLBACK; SELECT 1")
        except Exception:
            self.connection = self.server.again(self.name)

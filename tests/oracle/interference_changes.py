"""Random changes for interference.py: what they count, warn of, return, assign and leave behind in other columns must be the same in both
databases, unless they read the column that differs; and what they change in a table must be among what is written. Run within a transaction that
is rolled back. Here are those of MySQL and MariaDB, and what PostgreSQL's (interference_changes_postgres.py) share with them."""
from interference import LONGEST, TABLES, Database, Queries

WRITTEN = {"customers": ["city", "city", "id", "ssn"], "scratch": ["word", "id"], "papers": ["x", "x", "id"]}


class Changes(Queries):
    """INSERT, REPLACE, UPDATE and DELETE in every form, and what assigns user variables."""

    def target(self):
        name = self.pick("customers", "customers", "scratch", "scratch", "papers")
        return name, name if self.chance(0.6) else self.alias()

    def begin(self, scope):
        """Maybe a WITH, which both servers take before queries, and Oracle's before UPDATE and DELETE."""
        if not self.chance(0.15):
            return ""
        name = self.pick("q", "customers", "scratch", "x")
        text, columns = self.query(0, self.pick(1, 2), scope)
        self.ctes.append((name, columns))
        return f"WITH {name} AS ({text}) "

    def where(self, scope, share=0.8):
        return f" WHERE {self.condition(scope, self.pick(0, 1, 1))}" if self.chance(share) else ""

    def ordered(self, scope):
        return f" ORDER BY {self.text(scope)}" * self.chance(0.2) + " LIMIT 1" * self.chance(0.25)

    def assigned(self, columns, scope):
        """`a = .., b = ..`"""
        chosen = [self.pick(*columns) for _ in range(self.pick(1, 1, 2))]
        return ", ".join(f"{column} = {self.pick(self.text(scope, 1), self.text(scope, 1), 'DEFAULT')}" for column in chosen)

    def updated(self):
        begin = self.begin([]) if self.dialect == "mysql" else ""
        ignore = self.pick("", "", "IGNORE ")
        if self.chance(0.5):
            name, alias = self.target()
            scope = [(alias, TABLES[name])]
            columns = [self.pick("", f"{alias}.") + column for column in WRITTEN[name]]
            named = name if name == alias else f"{name} {alias}"
            return f"{begin}UPDATE {ignore}{named} SET {self.assigned(columns, scope)}{self.where(scope)}{self.ordered(scope)}"
        text, entries = self.sources([], 1)
        alias, columns = self.random.choice(entries)
        columns = [self.pick("", f"{alias}.") + column for column in columns + ["city", "word"]]
        return f"{begin}UPDATE {ignore}{text} SET {self.assigned(columns, entries)}{self.where(entries, 0.6)}"

    def deleted(self):
        begin = self.begin([]) if self.dialect == "mysql" else ""
        if self.chance(0.5):
            name, alias = self.target()
            alias = alias if self.dialect == "mysql" else name
            scope = [(alias, TABLES[name])]
            named = name if name == alias else f"{name} AS {alias}"
            return f"{begin}DELETE FROM {named}{self.where(scope)}{self.ordered(scope)}{self.returned(scope)}"
        text, entries = self.sources([], 1)
        of = ", ".join({self.random.choice(entries)[0] for _ in range(self.pick(1, 1, 2))})
        return f"{begin}DELETE {self.pick(of + ' FROM', 'FROM ' + of + ' USING')} {text}{self.where(entries, 0.7)}"

    def returned(self, scope):
        if self.dialect != "mariadb" or self.chance(0.6):
            return ""
        return f" RETURNING {self.pick('*', '1', self.text(scope, 1), self.text(scope, 1))}"

    def inserted(self):
        name = self.pick("customers", "customers", "scratch", "papers")
        own = [(name, TABLES[name])]
        columns = self.random.sample(["id", *(TABLES[name][1:])], len(TABLES[name]))[:self.pick(1, 2, 2, 3)]
        verb, form, scope, new = self.pick("INSERT ", "INSERT ", "INSERT IGNORE ", "REPLACE "), self.pick(0, 1, 2, 2), [], ""
        key = self.pick("'1'", "'2'", "'7'")
        if form == 2:
            kept = list(self.ctes)
            if self.chance(0.5):
                text, scope = self.sources([], 1)
                values = [key if column == "id" and self.chance(0.6) else self.text(scope, 1) for column in columns]
                text = f"SELECT {', '.join(values)} FROM {text}{self.where(scope, 0.4)}"
            else:
                text, _ = self.query(1, len(columns))
            self.ctes = kept
            sql = f"{verb}INTO {name} ({', '.join(columns)}) {text}"
        else:
            values = [key if column == "id" and self.chance(0.7) else self.pick(self.text(own, 1), self.text([], 1), "DEFAULT") for column in columns]
            if form == 1:
                sql = f"{verb}INTO {name} SET " + ", ".join(f"{column} = {value}" for column, value in zip(columns, values))
            else:
                sql = f"{verb}INTO {name} ({', '.join(columns)}) VALUES ({', '.join(values)})"
            if self.dialect == "mysql" and self.chance(0.3):
                new = self.pick("n", "scratch")
                names = self.random.sample(["ssn", "x", "id", "city"], len(columns)) if self.chance(0.5) else columns
                sql += f" AS {new}" + f" ({', '.join(names)})" * (names is not columns)
                scope = [(new, names)]
        if verb != "REPLACE " and self.chance(0.5):
            scope = own + scope
            value = self.pick(self.text(scope, 1), self.text(scope, 1), f"{self.pick('VALUES', 'VALUES')}({self.pick(*columns)})",
                              f"concat(VALUES({self.pick(*columns)}), {self.text(scope)})")
            sql += f" ON DUPLICATE KEY UPDATE {self.pick(*WRITTEN[name])} = {value}"
        return sql + self.returned(own)

    def kept(self):
        """What sets variables."""
        form = self.pick("SET @v = {}", "SET @w = 1, @v = {}", "SELECT {} INTO @v", "DO @v := {}", "SET @v := {} + 1")
        return form.format(f"({self.query(1, 1)[0]})") if self.chance(0.6) else self.within()

    def within(self):
        text, entries = self.sources([], 0)
        return self.pick(f"SELECT @v := {self.text(entries, 1)} FROM {text}{self.where(entries, 0.4)}",
                         f"SELECT count(*) INTO @v FROM {text} WHERE {self.condition(entries, 1)}",
                         f"SELECT {self.text(entries, 1)}, 1 FROM {text} LIMIT 1 INTO @v, @w",
                         f"UPDATE scratch, {text} SET word = @v := {self.text(entries)}{self.where(entries, 0.4)}")

    def forms(self):
        return self.updated, self.deleted, self.inserted, self.inserted, self.kept

    def __iter__(self):
        while True:
            self.made, self.ctes = 0, []
            text = self.pick(*self.forms())()
            if len(text) <= LONGEST and not self.crashes(text):
                yield text


class Changed(Database):
    """One of the two databases, and what a change does there: what it counts, in the first line, then all else that can be seen of it."""
    tables = {"customers": ["id", "city", "ssn"], "scratch": ["id", "word"]}

    def __init__(self, server, name):
        super().__init__(server, name)
        self.before = self.state()

    def answer(self, sql):
        self.begin()
        ran, said = super().answer(sql)
        try:
            if said is None or not self.open():
                return ran, None
            told = self.told(ran)  # first, since it is of the statement before
            after = self.state() if ran else self.before
            self.wrote[sql] = {table: [] if self.whole_rows(sql, table, after) else self.changed(table, after)
                               for table in self.tables if after[table] != self.before[table]}
            others = [[row[:-1] if table == "customers" else row for row in rows] for table, rows in after.items()]
            return ran, f"{told[0]}\n{[said, told[1:], others]}".replace(self.name + ".", "judged.")
        except Exception:  # the server ended
            return ran, None
        finally:
            self.undo()

    def whole_rows(self, sql, table, after):
        """Whether there are more rows, or fewer, or others: their columns need not be named."""
        return sql.startswith("REPLACE") or len(after[table]) != len(self.before[table])

    def changed(self, table, after):
        return [name for name, *values in zip(self.tables[table], zip(*self.before[table]), zip(*after[table]))
                if sorted(values[0], key=repr) != sorted(values[1], key=repr)]

    def state(self):
        return {table: sorted(self.rows(f"SELECT {', '.join(columns)} FROM {table}"), key=repr) for table, columns in self.tables.items()}

    def rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def begin(self):
        """Before each statement: MySQL's library begins transactions by itself."""

    def open(self):
        return self.connection.open

    def told(self, ran):
        """(what it counts, what else the server says of it)"""
        result = self.connection._result  # the only place that has the OK packet's text
        counted = (result.affected_rows, result.message) if ran and result is not None else None
        return counted, self.rows("SHOW WARNINGS"), self.rows("SELECT @v, @w")

    def undo(self):
        try:
            self.connection.rollback()
            self.rows("SET @v = NULL, @w = NULL")
        except Exception:
            self.connection = self.server.again(self.name)

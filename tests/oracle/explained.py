"""Columns that a statement names, by the server's own account: EXPLAIN leaves the statement as it was resolved, views merged and all names
written out, in a note (1003) of MariaDB and MySQL."""
import re

EXPLAINABLE = re.compile(rb"^[\s(]*(select|with|values|insert|replace|update|delete)\b", re.I)
EXPLAIN = {"mariadb": b"EXPLAIN EXTENDED ", "mysql": b"EXPLAIN FORMAT=TRADITIONAL "}

_NAME = r"`((?:[^`]|``)+)`"
_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'")
_TABLE = re.compile(rf"(?<!\.){_NAME}\.{_NAME}(?!\.)(?: (?:FOR SYSTEM_TIME ALL )?(?:PARTITION \([^)]*\) )?{_NAME})?")
_COLUMN = re.compile(rf"{_NAME}\.{_NAME}\.{_NAME}")
_DEFAULT = re.compile(rf"(?:default|values?)\({_NAME}\.{_NAME}\.{_NAME}\)")  # of no row that is stored
_NEW_ROW = re.compile(rf"(?:insert|replace)\b[^`]*{_NAME}\.{_NAME} ?(?:\([^)]*\))? ?values ?\(")


def columns(note):
    """{(database, tables, column)} of a resolved statement: `tables` are those that the name in front of the column may mean, in order. Derived
    tables are left out: they have no database where they stand."""
    note = _DEFAULT.sub("", _STRING.sub("''", note))
    if (new := _NEW_ROW.match(note)) and sum(new.groups() == named[:2] for named in _TABLE.findall(note)) == 1:
        note = note.replace(f"`{new[1]}`.`{new[2]}`.", "")  # of the row that is inserted
    tables = {}
    for database, table, alias in _TABLE.findall(note):
        tables.setdefault((_plain(database), _plain(alias or table)), set()).add(_plain(table))
    found = {(_plain(database), tuple(sorted(tables.get((_plain(database), _plain(table)), ()))), _plain(column))
             for database, table, column in _COLUMN.findall(note)}
    return {one for one in found if one[1]}


def _plain(name):
    return name.replace("``", "`")


def ask(connection, sql, dialect):
    """Of a statement, asked on pymysql's connection; the empty set where the server does not explain it."""
    import pymysql
    if not EXPLAINABLE.match(sql) or b";" in sql:  # what stands behind it would be run
        return set()
    try:
        connection._execute_command(3, EXPLAIN[dialect] + sql)  # COM_QUERY, with the bytes as they are
        connection._read_query_result()
        with connection.cursor() as cursor:
            cursor.execute("SHOW WARNINGS")
            notes = [text if isinstance(text, str) else text.decode("latin-1")  # bytes where the session's results are binary
                     for _, code, text in cursor.fetchall() if code == 1003]
    except pymysql.err.MySQLError:
        return set()
    return set().union(*map(columns, notes))

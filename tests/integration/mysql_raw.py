"""Commands of MySQL's protocol that no driver sends by itself, on a connection of pymysql."""
import struct

PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET, FETCH, BULK = 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1c, 0xfa


class WithBulk:
    """`struct` for pymysql, with which it says that it is a MariaDB client that knows bulk executions."""
    unpack, unpack_from, Struct, error = struct.unpack, struct.unpack_from, struct.Struct, struct.error
    capabilities = 1 << 2  # of MariaDB's own: MARIADB_CLIENT_STMT_BULK_OPERATIONS

    @classmethod
    def pack(cls, layout, *values):
        if layout != "<iIB23s":
            return struct.pack(layout, *values)
        flags, largest, collation, _ = values
        return struct.pack("<iIB19sI", flags & ~1, largest, collation, b"", cls.capabilities)


class WithCache(WithBulk):
    """Likewise, one that remembers the columns of prepared statements."""
    capabilities = 1 << 4  # MARIADB_CLIENT_CACHE_METADATA


class RawCommands:
    """For a TestCase."""

    def command(self, connection, number, payload=b""):
        """Sends a command: the first packet of its answer, or the error."""
        connection._execute_command(number, payload)
        return connection._read_packet()

    def prepare(self, connection, sql):
        """(id, parameters) of a prepared statement."""
        packet = self.command(connection, PREPARE, sql.encode())
        data = packet.get_all_data()
        statement, columns, parameters = struct.unpack_from("<IHH", data, 1)
        for count in (parameters, columns):
            for _ in range(count + bool(count)):  # definitions and their EOF
                connection._read_packet()
        return statement, parameters

    def execute(self, connection, statement, *values, types=True):
        """Runs it with integers (or None for what was sent as long data): the OK packet's affected rows."""
        payload = struct.pack("<IBI", statement, 0, 1)
        if values:
            payload += bytes((len(values) + 7) // 8) + bytes([types])
            if types:
                payload += b"".join(b"\x08\0" if isinstance(v, int) else b"\xfd\0" for v in values)
            payload += b"".join(struct.pack("<q", v) for v in values if isinstance(v, int))
        packet = self.command(connection, EXECUTE, payload)
        return packet.get_all_data()[1]

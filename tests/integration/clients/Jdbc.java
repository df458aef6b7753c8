import java.sql.*;
import java.util.Properties;

/** pgjdbc through stepgate: prepared statements past their threshold, batches, generated keys, one yes and one no. */
public class Jdbc {
    static void check(boolean good, String what) {
        if (!good) throw new AssertionError(what);
    }

    public static void main(String[] args) throws Exception {
        var env = System.getenv();
        var properties = new Properties();
        properties.put("user", env.get("PGUSER"));
        properties.put("password", env.get("PGPASSWORD"));
        properties.put("sslmode", env.get("PGSSLMODE"));
        properties.put("socketTimeout", "60");
        var url = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE");
        try (var connection = DriverManager.getConnection(url, properties)) {
            check(connection.getMetaData().getColumns(null, "public", "customers", null).next(), "metadata");
            try (var select = connection.prepareStatement("SELECT ?::int + 1")) {
                for (int n = 0; n < 10; n++) { // a named statement from the fifth run on
                    select.setInt(1, n);
                    try (var rows = select.executeQuery()) {
                        check(rows.next() && rows.getInt(1) == n + 1, "prepared run " + n);
                    }
                }
            }
            try (var insert = connection.prepareStatement("INSERT INTO scratch VALUES (?, ?)")) {
                for (int n = 0; n < 500; n++) {
                    insert.setInt(1, n);
                    insert.setString(2, "note");
                    insert.addBatch();
                }
                check(insert.executeBatch().length == 500, "batch");
            }
            try (var statement = connection.createStatement()) {
                check(statement.executeUpdate("DELETE FROM scratch") == 500, "approved delete");
                try {
                    statement.executeUpdate("DELETE FROM scratch");
                    check(false, "a denied statement must fail");
                } catch (SQLException error) {
                    check("42501".equals(error.getSQLState()), "SQLSTATE " + error.getSQLState());
                }
                check(statement.executeQuery("SELECT 1").next(), "the session lives");
            }
        }
        System.out.println("all good");
    }
}

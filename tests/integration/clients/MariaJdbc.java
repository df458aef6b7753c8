import java.sql.*;
import java.util.Properties;

/** MariaDB Connector/J through stepgate: metadata, prepared statements of the server, batches, time-outs, one yes and one no. */
public class MariaJdbc {
    static void check(boolean good, String what) {
        if (!good) throw new AssertionError(what);
    }

    public static void main(String[] args) throws Exception {
        var env = System.getenv();
        var properties = new Properties();
        properties.put("user", "demo");
        properties.put("password", env.get("MYSQL_PASSWORD"));
        properties.put("useSsl", "true");
        properties.put("trustServerCertificate", "true");
        properties.put("useServerPrepStmts", "true");
        properties.put("useBulkStmts", "true");
        var url = "jdbc:mariadb://127.0.0.1:" + env.get("MYSQL_PORT") + "/shop";
        try (var connection = DriverManager.getConnection(url, properties)) {
            check(connection.getMetaData().getColumns("shop", null, "customers", null).next(), "metadata");
            try (var select = connection.prepareStatement("SELECT ? + 1")) {
                for (int n = 0; n < 10; n++) {
                    select.setInt(1, n);
                    try (var rows = select.executeQuery()) {
                        check(rows.next() && rows.getInt(1) == n + 1, "prepared run " + n);
                    }
                }
            }
            try (var statement = connection.createStatement()) {
                statement.executeUpdate("DELETE FROM scratch WHERE id < 100");
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
                statement.setQueryTimeout(60); // SET STATEMENT max_statement_time=60 FOR ..
                try {
                    statement.executeUpdate("DELETE FROM scratch");
                    check(false, "a denied statement must fail");
                } catch (SQLException error) {
                    check(error.getErrorCode() == 1227, "error " + error.getErrorCode() + " " + error.getMessage());
                }
                statement.setQueryTimeout(0);
                check(statement.executeQuery("SELECT 1").next(), "the session lives");
            }
        }
        System.out.println("all good");
    }
}

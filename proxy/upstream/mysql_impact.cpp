#include "proxy/upstream/mysql_impact.h"

#include "protocols/mysql/parameters.h"
#include "proxy/upstream/connector_connection.h"
#include "proxy/upstream/impact_maker.h"

#include <boost/algorithm/hex.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace stepgate::proxy::upstream
{

namespace
{

using protocols::mysql::FieldType;
using Cell = std::optional<std::string>;

/// A string as any sql_mode reads it. `charset`: of the bytes; "" for none.
std::string literal(std::string_view bytes, std::string_view charset = "utf8mb4")
{
    std::string text;
    if (!charset.empty())
        text.append("_").append(charset).append(" ");
    text += "x'";
    boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(text));
    return text + "'";
}

/// Tables whose rows go, or lose their reference, when rows of the table are deleted.
std::string cascades_sql(const std::string& schema, const std::string& table)
{
    const std::string changes = "c.DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')";
    const std::string keys = "SELECT c.CONSTRAINT_SCHEMA, c.TABLE_NAME, c.DELETE_RULE"
                             " FROM information_schema.REFERENTIAL_CONSTRAINTS c";
    return "WITH RECURSIVE reached (in_schema, name, rule) AS (" + keys +
           " WHERE c.UNIQUE_CONSTRAINT_SCHEMA = " + literal(schema) +
           " AND c.REFERENCED_TABLE_NAME = " + literal(table) + " AND " + changes + " UNION " + keys +
           " JOIN reached r ON c.UNIQUE_CONSTRAINT_SCHEMA = r.in_schema AND c.REFERENCED_TABLE_NAME = r.name"
           " WHERE r.rule = 'CASCADE' AND " +
           changes +
           ") SELECT CONCAT(r.in_schema, '.', r.name), r.rule = 'CASCADE', t.TABLE_ROWS FROM reached r"
           " LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = r.in_schema AND t.TABLE_NAME = r.name ORDER BY "
           "1, 2";
}

std::string size_sql(const std::string& schema, const std::string& table)
{
    return "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = " + literal(schema) +
           " AND TABLE_NAME = " + literal(table);
}

/// The halves of "shop.orders".
std::pair<std::string, std::string> halves(const std::string& table)
{
    const auto dot = table.find('.');
    if (dot == std::string::npos)
        return {"", table};
    return {table.substr(0, dot), table.substr(dot + 1)};
}

bool is_number(FieldType type)
{
    switch (type) {
    case FieldType::tiny:
    case FieldType::small:
    case FieldType::medium:
    case FieldType::integer:
    case FieldType::big:
    case FieldType::year:
    case FieldType::single:
    case FieldType::real:
    case FieldType::decimal:
    case FieldType::new_decimal:
        return true;
    default:
        return false;
    }
}

bool looks_like_number(std::string_view text)
{
    return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

std::optional<std::int64_t> number(const Cell& cell)
{
    if (!cell)
        return {};
    return std::strtoll(cell->c_str(), nullptr, 10);
}

class MySqlImpact final : public ImpactMaker
{
  public:
    MySqlImpact(const ImpactRequest& request, const MySqlSettings& settings)
        : ImpactMaker{request}, settings_{settings}, server_{request.server, settings.database}
    {
    }

  private:
    std::string take_error() override { return server_.take_error(); }
    bool alive() const override { return server_.alive(); }

    /// Nothing waits for others, and what is evaluated for a plan has no effect that stays.
    bool begin() override
    {
        server_.run("SET SESSION autocommit = 0, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1");
        server_.run(settings_.mariadb ? "SET SESSION max_statement_time = 2"
                                      : "SET SESSION max_execution_time = 2000, information_schema_stats_expiry = 0");
        server_.run("SET SESSION sql_mode = " + literal(settings_.sql_mode));
        return !failed("The session's settings could not be made: ");
    }

    void locks(std::int64_t process) override
    {
        server_.query("SELECT trx_tables_locked, trx_rows_locked, trx_rows_modified FROM information_schema.INNODB_TRX"
                      " WHERE trx_mysql_thread_id = " +
                          std::to_string(process),
                      [this](const ConnectorConnection::Row& row) {
                          add(out_.locks, row[1].value_or("0") + " rows of " + row[0].value_or("0") +
                                              " tables; rows changed so far: " + row[2].value_or("0"));
                      });
        failed("Locks could not be read: ");
    }

    void plan(const ImpactStatement& statement) override
    {
        const std::string explain = settings_.mariadb ? "EXPLAIN EXTENDED " : "EXPLAIN FORMAT=TRADITIONAL ";
        server_.run("SET @stepgate = " + literal(explain + statement.sql, settings_.charset));
        server_.run("PREPARE stepgate FROM @stepgate");
        std::string values;
        for (std::size_t i = 0; i < statement.values.size(); ++i) {
            const auto name = "@stepgate_" + std::to_string(i);
            server_.run("SET " + name + " = " + value(statement.values[i]));
            values += (values.empty() ? " USING " : ", ") + name;
        }
        std::vector<MySqlPlanRow> rows;
        if (failed("The server does not plan it: "))
            return;
        server_.query("EXECUTE stepgate" + values,
                      [&](const ConnectorConnection::Row& row) { rows.push_back(read(row)); });
        if (server_.failed()) { // it has looked at rows, and the error may show some
            (void)server_.take_error();
            return problem("The server does not plan it.");
        }
        if (const auto expected = planned_rows(rows))
            add_rows(*expected);
        for (const auto& table : statement.touches)
            add(out_.tables, table);
    }

    std::string value(const ImpactStatement::Value& value) const
    {
        if (!value.bytes)
            return "NULL";
        if (is_number(static_cast<FieldType>(value.type)) && looks_like_number(*value.bytes))
            return *value.bytes;
        return literal(*value.bytes, settings_.charset);
    }

    /// id, select_type, table, (partitions,) type, possible_keys, key, key_len, ref, rows, filtered, Extra
    static MySqlPlanRow read(const ConnectorConnection::Row& row)
    {
        const auto cell = [&row](std::size_t from_end) {
            return row.size() > from_end ? row[row.size() - 1 - from_end] : Cell{};
        };
        MySqlPlanRow out;
        out.select = number(row.empty() ? Cell{} : row[0]).value_or(0);
        out.type = row.size() > 1 ? row[1].value_or("") : "";
        out.rows = number(cell(2));
        out.filtered = cell(1) ? std::strtod(cell(1)->c_str(), nullptr) : 100;
        out.extra = cell(0).value_or("");
        return out;
    }

    void cascades(const std::string& table) override
    {
        const auto [schema, name] = halves(table);
        server_.query(cascades_sql(schema, name), [this](const ConnectorConnection::Row& row) {
            add_cascade(row[0].value_or(""), row[1] == "1", number(row[2]));
        });
        failed("Foreign keys could not be read: ");
    }

    void size(const std::string& table) override
    {
        const auto [schema, name] = halves(table);
        server_.query(size_sql(schema, name), [&](const ConnectorConnection::Row& row) {
            add(out_.tables, table);
            if (const auto rows = number(row[0]))
                add_rows(*rows);
        });
        failed("The table's size could not be read: ");
    }

    const MySqlSettings& settings_;
    ConnectorConnection server_;
};

} // namespace

ImpactEstimate estimate_mysql_impact(const ImpactRequest& request, const MySqlSettings& settings)
{
    return MySqlImpact{request, settings}.make();
}

} // namespace stepgate::proxy::upstream

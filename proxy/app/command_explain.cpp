#include "proxy/app/command_explain.h"

#include "policies/rules/judge.h"
#include "policies/statement/kind.h"
#include "proxy/app/catalog_file.h"
#include "proxy/app/configuration.h"
#include "proxy/app/explain_json.h"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <istream>
#include <map>
#include <ostream>

namespace stepgate::proxy::app
{
namespace
{

namespace json = boost::json;
using policies::postgres::SessionState;
using MysqlState = policies::mysql::SessionState;
using policies::statement::Dialect;
using policies::statement::Facts;
using policies::statement::Kind;

/// One session of the input: what its statements changed so far.
struct Session {
    SessionState state;
    std::optional<MysqlState> mysql; // of MySQL and MariaDB
    bool in_transaction = false;
};

/// What ends a transaction of MySQL without being asked to.
bool commits_implicitly(Kind kind)
{
    return changes_definitions(kind) || kind == Kind::truncate || kind == Kind::grant || kind == Kind::revoke;
}

/// Statements are taken to succeed: explain has no server to ask.
void advance(Session& session, const Facts& facts)
{
    for (const auto& statement : facts.statements) {
        if (session.mysql)
            session.mysql->apply(statement);
        else
            session.state.apply(statement);
        if (statement.kind == Kind::begin)
            session.in_transaction = true;
        else if (statement.kind == Kind::commit || statement.kind == Kind::rollback ||
                 statement.kind == Kind::prepare_transaction || (session.mysql && commits_implicitly(statement.kind)))
            session.in_transaction = false;
    }
    if (!session.mysql && !session.in_transaction)
        session.state.transaction_ended(true);
}

/// "$user" in the search path is the role's schema.
SessionState session_of(const std::string& role)
{
    SessionState::Start start;
    start.user = role;
    return SessionState{std::move(start)};
}

void set_search_path(SessionState& state, const std::vector<std::string>& path)
{
    policies::statement::StatementFacts set;
    set.kind = Kind::set;
    set.effects.emplace_back(policies::statement::SetParameter{"search_path", path, false});
    state.apply(set);
}

class Explainer
{
  public:
    Explainer(const ExplainOptions& options, std::shared_ptr<const policies::rules::Policy> policy,
              const Listener* listener)
        : options_(options), listener_(listener), judge_(std::move(policy))
    {
    }

    /// Names are looked up in this snapshot from now on. "" or what is wrong with the file.
    [[nodiscard]] std::string use_catalog(const std::filesystem::path& file)
    {
        if (file == catalog_file_)
            return {};
        auto loaded = load_catalog_file(file);
        if (auto* problem = std::get_if<std::string>(&loaded))
            return std::move(*problem);
        catalog_file_ = file;
        view_.catalog = std::get<std::shared_ptr<const policies::catalog::Catalog>>(std::move(loaded));
        view_.revision = policies::sensitivity::next_view_revision();
        return {};
    }

    /// The line to print; `error` is set if the request cannot be answered.
    [[nodiscard]] json::object answer(const ExplainRequest& request, std::string& error)
    {
        json::object line;
        line["id"] = request.id;
        if (!request.catalog.empty())
            error = use_catalog(request.catalog);
        if (!error.empty())
            return line;
        const auto dialect = dialect_of(request);
        if (!dialect) {
            error = "unknown dialect \"" + (request.dialect.empty() ? options_.dialect : request.dialect) +
                    "\": postgres, mysql or mariadb";
            return line;
        }
        const policies::rules::Asker asker = asker_of(request);
        Session alone;
        const bool fresh = !request.session || !sessions_.contains(*request.session);
        Session& session = request.session ? sessions_[*request.session] : alone;
        if (fresh)
            session.state = session_of(asker.role);
        if (request.search_path)
            set_search_path(session.state, *request.search_path);

        if (*dialect != Dialect::postgres && !prepare_mysql(session, *dialect, request, asker.database, error))
            return line;
        const auto facts = *dialect == Dialect::postgres
                               ? judge_.facts(request.sql, session.state, asker.database, view_)
                               : judge_.facts(request.sql, *session.mysql, asker.database, view_);
        line["facts"] = to_json(*facts->facts);
        if (listener_ != nullptr) {
            const auto verdict =
                judge_.verdict(*facts, request.sql, asker, session.in_transaction, std::chrono::system_clock::now());
            line["verdict"] = to_json(verdict);
        }
        advance(session, *facts->facts);
        return line;
    }

  private:
    /// Starts the session with what the request says of the server; a later sql_mode is what the server reports then.
    [[nodiscard]] bool prepare_mysql(Session& session, Dialect dialect, const ExplainRequest& request,
                                     const std::string& database, std::string& error) const
    {
        if (request.sql_mode && !policies::mysql::parse_sql_mode(*request.sql_mode)) {
            error = "unknown sql_mode \"" + *request.sql_mode + "\"";
            return false;
        }
        if (session.mysql) {
            if (request.sql_mode) {
                session.mysql->server_reported_sql_mode(*request.sql_mode);
                session.mysql->server_reported_charset(session.mysql->charset_name());
            }
            return true;
        }
        MysqlState::Start start;
        start.version = policies::mysql::any_version(dialect);
        const std::string greeting = request.server_version.value_or(options_.server_version);
        if (!greeting.empty()) {
            const auto version = policies::mysql::parse_server_version(greeting);
            if (!version) {
                error = "unknown server_version \"" + greeting + "\": as the server greets, 8.0.36 or 10.11.6-MariaDB";
                return false;
            }
            start.version = *version;
            start.version.mariadb = start.version.mariadb || dialect == Dialect::mariadb;
        }
        start.sql_mode = request.sql_mode.value_or("");
        start.database = database;
        session.mysql.emplace(std::move(start));
        return true;
    }

    [[nodiscard]] std::optional<Dialect> dialect_of(const ExplainRequest& request) const
    {
        const std::string& named = request.dialect.empty() ? options_.dialect : request.dialect;
        if (!named.empty())
            return policies::statement::dialect_from_string(named);
        return listener_ != nullptr && listener_->protocol == Protocol::mysql ? Dialect::mysql : Dialect::postgres;
    }

    [[nodiscard]] policies::rules::Asker asker_of(const ExplainRequest& request) const
    {
        policies::rules::Asker asker;
        asker.user = request.user.empty() ? options_.user : request.user;
        asker.database = request.database.empty() ? options_.database : request.database;
        asker.client_address = request.client_address.empty() ? "127.0.0.1" : request.client_address;
        asker.application_name = request.application_name;
        asker.groups = request.groups;
        asker.role = asker.user;
        if (listener_ == nullptr)
            return asker;
        asker.listener = listener_->name;
        if (listener_->auth == Authentication::proxy)
            asker.role = listener_->upstream.user;
        asker.database = listener_->upstream.database.value_or(asker.database);
        return asker;
    }

    const ExplainOptions& options_;
    const Listener* listener_; // null: facts only
    policies::rules::Judge judge_;
    std::map<std::string, Session> sessions_;
    policies::sensitivity::CatalogView view_;
    std::filesystem::path catalog_file_;
};

int explain_lines(Explainer& explainer, std::istream& in, std::ostream& out)
{
    int exit_code = 0;
    std::string line;
    while (std::getline(in, line)) {
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        std::string error;
        const ExplainRequest request = parse_explain_request(line, error);
        json::object answer{{"id", request.id}};
        if (error.empty())
            answer = explainer.answer(request, error);
        if (!error.empty()) {
            answer["error"] = error;
            exit_code = 1;
        }
        out << json::serialize(answer) << '\n';
        if (in.rdbuf()->in_avail() <= 0) // a caller may wait for this answer before it writes its next line
            out.flush();
    }
    return exit_code;
}

} // namespace

int run_explain(const ExplainOptions& options, std::istream& in, std::ostream& out, std::ostream& err)
{
    if (!options.dialect.empty() && !policies::statement::dialect_from_string(options.dialect)) {
        err << "stepgate: unknown dialect \"" << options.dialect << "\": postgres, mysql or mariadb\n";
        return 2;
    }
    if (!options.config && !options.listener.empty()) {
        err << "stepgate: --listener needs --config\n";
        return 2;
    }
    Configuration configuration;
    configuration.policy = std::make_shared<const policies::rules::Policy>();
    const Listener* listener = nullptr;
    if (options.config) {
        auto loaded = load_configuration(*options.config);
        if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
            for (const auto& error : *errors)
                err << to_string(error) << '\n';
            return 2;
        }
        configuration = std::get<Configuration>(std::move(loaded));
        listener = find_listener(configuration, options.listener, err);
        if (listener == nullptr)
            return 2;
    }
    Explainer explainer{options, configuration.policy, listener};
    if (options.catalog) {
        if (const auto problem = explainer.use_catalog(*options.catalog); !problem.empty()) {
            err << "stepgate: " << problem << '\n';
            return 2;
        }
    }
    if (!options.statement)
        return explain_lines(explainer, in, out);
    ExplainRequest request;
    request.sql = *options.statement;
    std::string error;
    out << json::serialize(explainer.answer(request, error)) << '\n';
    return error.empty() ? 0 : 1;
}

} // namespace stepgate::proxy::app
